"""An object store as a destination: batches of events as files in a bucket or a folder."""
