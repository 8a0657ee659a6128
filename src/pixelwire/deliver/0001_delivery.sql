-- What the courier knows of every destination and event. One writer: the courier.

CREATE TABLE destination (
  number         INTEGER PRIMARY KEY AUTOINCREMENT,  -- stands for the id in the other tables; never reused
  id             TEXT    NOT NULL UNIQUE,            -- the catalog's
  store          TEXT    NOT NULL,                   -- the store the cursor counts in; '' until something was recorded
  start_after    INTEGER NOT NULL,                   -- only events after this one are its business
  cursor         INTEGER NOT NULL,                   -- every event up to here is sent, filtered, parked or dead
  state          TEXT    NOT NULL,                   -- running, down, paused, failed, disabled, removed
  reason         TEXT    NOT NULL DEFAULT '',        -- of the state, for a person
  since_ms       INTEGER NOT NULL,                   -- when the state began
  retry_at_ms    INTEGER,                            -- down: when the next event is tried
  revision       INTEGER NOT NULL,                   -- the catalog's, with which the state was found; a higher one starts anew
  sent_total     INTEGER NOT NULL DEFAULT 0,         -- events
  retried_total  INTEGER NOT NULL DEFAULT 0,         -- attempts after which an event was parked
  dead_total     INTEGER NOT NULL DEFAULT 0,         -- events
  send_ms_total  INTEGER NOT NULL DEFAULT 0,         -- time spent in sends that succeeded
  last_sent_ms   INTEGER,
  last_error     TEXT    NOT NULL DEFAULT '',
  last_error_ms  INTEGER
) STRICT;

-- Events that were confirmed. Beyond the cursor it is what a restart must not send again; below it, the receipt.
-- Rows go when retention has removed their event.
CREATE TABLE sent (
  destination  INTEGER NOT NULL,
  seq          INTEGER NOT NULL,
  at_ms        INTEGER NOT NULL,
  attempts     INTEGER NOT NULL,
  PRIMARY KEY (destination, seq)
) STRICT, WITHOUT ROWID;

-- Events that wait for another attempt, and those of the same identity that wait behind them (attempts 0).
CREATE TABLE parked (
  destination  INTEGER NOT NULL,
  seq          INTEGER NOT NULL,
  identity     INTEGER NOT NULL,  -- 0: nobody's, ordered by nothing
  attempts     INTEGER NOT NULL,
  failing_ms   INTEGER NOT NULL,  -- how long it has failed while others passed: by this it dies
  next_ms      INTEGER NOT NULL,
  reason       TEXT    NOT NULL,
  PRIMARY KEY (destination, seq)
) STRICT, WITHOUT ROWID;

-- Events a destination refused for good, kept whole.
CREATE TABLE dead_letter (
  number       INTEGER PRIMARY KEY AUTOINCREMENT,
  destination  INTEGER NOT NULL,
  seq          INTEGER NOT NULL,
  pixel        INTEGER NOT NULL,
  message_id   TEXT    NOT NULL,
  attempts     INTEGER NOT NULL,
  reason       TEXT    NOT NULL,
  died_ms      INTEGER NOT NULL,
  payload      BLOB    NOT NULL,
  UNIQUE (destination, seq)
) STRICT;
