"""Copies of a whole store: taking one while the server runs, bringing it back, and proving a store whole."""
