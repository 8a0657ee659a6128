"""Record: Event -> disk, once. The only writer below `events/`; knows nothing of HTTP."""
