-- The counts, in the same shape in each segment (its own events) and in totals.db (all folded segments).

CREATE TABLE signal_count (
    pixel  INTEGER NOT NULL,
    hour   INTEGER NOT NULL,             -- whole hours since 1970
    signal INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (pixel, hour, signal)
) STRICT, WITHOUT ROWID;

CREATE TABLE name_count (
    pixel  INTEGER NOT NULL,
    hour   INTEGER NOT NULL,
    name   TEXT    NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (pixel, hour, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE outcome_count (
    pixel   INTEGER NOT NULL,            -- 0: no known pixel
    hour    INTEGER NOT NULL,
    outcome TEXT    NOT NULL,
    reason  TEXT    NOT NULL,
    amount  INTEGER NOT NULL,
    PRIMARY KEY (pixel, hour, outcome, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE activity (
    pixel    INTEGER NOT NULL,
    signal   INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms  INTEGER NOT NULL,
    PRIMARY KEY (pixel, signal)
) STRICT, WITHOUT ROWID;
