-- One segment: the events of a stretch of time, with everything that belongs to them, so that a batch
-- is one transaction in one file. The open segment only ever appends; `id` and `filter` are filled in
-- when it is sealed.

CREATE TABLE meta (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    store_id  TEXT    NOT NULL,          -- the same in all segments of a store
    number    INTEGER NOT NULL,          -- as in the file's name
    first_seq INTEGER NOT NULL,
    opened_ms INTEGER NOT NULL,
    sealed_ms INTEGER                    -- NULL while events may still be added
) STRICT;

CREATE TABLE event (
    seq         INTEGER PRIMARY KEY,
    pixel       INTEGER NOT NULL,        -- the pixel's number in the catalog
    received_ms INTEGER NOT NULL,
    call        INTEGER NOT NULL,        -- event.Call
    signal      INTEGER NOT NULL,        -- event.Signal, 0 for none
    payload     BLOB    NOT NULL,        -- UTF-8 JSON, as routed
    extra       BLOB    NOT NULL         -- UTF-8 JSON of event.Extra, or empty
) STRICT;

-- The id keys of one commit, 8 bytes each, in the order of seq from first_seq on. One row a commit, not
-- one an event: a B-tree over random keys would dirty a page for every event.
CREATE TABLE id_batch (
    first_seq INTEGER PRIMARY KEY,
    keys      BLOB NOT NULL
) STRICT;

CREATE TABLE id (
    key BLOB    NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (key, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE filter (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    bits BLOB NOT NULL                   -- of the client-given ids
) STRICT;

-- How far the wall clock had been set from its steady course; see timeline.py.
CREATE TABLE clock (
    first_seq INTEGER PRIMARY KEY,       -- of the events that it is true for, up to the next row
    offset_ms INTEGER NOT NULL,
    other_ms  INTEGER NOT NULL,          -- may be theirs as well, just after a jump
    base_ms   INTEGER NOT NULL,          -- wall clock less monotonic clock
    boot      TEXT    NOT NULL
) STRICT;

-- What became of each worker's last batch: a worker that lost its connection asks.
CREATE TABLE worker (
    worker     INTEGER PRIMARY KEY,
    number     INTEGER NOT NULL,
    duplicates BLOB    NOT NULL          -- msgpack list of positions
) STRICT;
