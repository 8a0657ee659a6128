-- totals.db: the counts of all segments up to `folded_to`, each folded in once. Outlives retention.

CREATE TABLE meta (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    store_id  TEXT    NOT NULL,
    folded_to INTEGER NOT NULL           -- the number of the newest segment whose counts are in here
) STRICT;

CREATE INDEX outcome_count_by_hour ON outcome_count (hour);  -- the whole server's outcomes of a few hours
