-- What retention did. Second step of totals.db.

-- Where retention stands; one row.
CREATE TABLE retention (
    one              INTEGER PRIMARY KEY CHECK (one = 1),
    why              TEXT    NOT NULL,   -- the limit that is passed: age, size, free_disk; '' for none
    held_by          TEXT    NOT NULL,   -- what it waits for: destination, duplicates, clock; '' for nothing
    since_ms         INTEGER NOT NULL,
    removed_to       INTEGER NOT NULL,   -- the number of the newest segment that was removed
    removed_segments INTEGER NOT NULL,
    removed_events   INTEGER NOT NULL,
    removed_bytes    INTEGER NOT NULL
) STRICT;

INSERT INTO retention VALUES (1, '', '', 0, 0, 0, 0, 0);

-- Segments that a hard limit took before every destination had their events.
CREATE TABLE expired (
    number     INTEGER PRIMARY KEY,      -- the segment's
    after_seq  INTEGER NOT NULL,         -- its events after this one were still wanted
    last_seq   INTEGER NOT NULL,
    newest_ms  INTEGER NOT NULL,
    removed_ms INTEGER NOT NULL,
    is_listed  INTEGER NOT NULL          -- 1 while its events are in expired_event
) STRICT;

-- What is left of those events: enough for a receipt that says what became of them.
CREATE TABLE expired_event (
    key         BLOB    NOT NULL,
    seq         INTEGER NOT NULL,
    pixel       INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    call        INTEGER NOT NULL,
    signal      INTEGER NOT NULL,
    PRIMARY KEY (key, seq)
) STRICT, WITHOUT ROWID;

-- Hours that began after a long time without events through which the clock ran evenly: no jump.
CREATE TABLE quiet (
    hour INTEGER PRIMARY KEY
) STRICT;
