-- Dead letters can be sent again, and dropped. All that sending one takes is in its row: its event may be gone.
ALTER TABLE dead_letter ADD COLUMN received_ms INTEGER NOT NULL DEFAULT 0;  -- 0: not known, of an older version
ALTER TABLE dead_letter ADD COLUMN call INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead_letter ADD COLUMN signal INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead_letter ADD COLUMN home INTEGER NOT NULL DEFAULT 0;  -- under which destination it is listed
UPDATE dead_letter SET home = destination;
CREATE INDEX dead_letter_of ON dead_letter (home, number);

ALTER TABLE destination ADD COLUMN dropped_total INTEGER NOT NULL DEFAULT 0;  -- dead letters

-- Dead letters that are to be sent again. The event of one is parked, or will be when there is room. Both rows
-- go when it arrived; when it dies again, only this one goes.
CREATE TABLE retried (
  destination  INTEGER NOT NULL,
  letter       INTEGER NOT NULL,  -- dead_letter.number
  at_ms        INTEGER NOT NULL,
  PRIMARY KEY (destination, letter)
) STRICT, WITHOUT ROWID;

-- What is left of a dead letter that its owner dropped: no restart sends it, and its receipt can tell. Rows go as
-- those of `sent` do.
CREATE TABLE dropped (
  destination  INTEGER NOT NULL,
  seq          INTEGER NOT NULL,
  attempts     INTEGER NOT NULL,
  reason       TEXT    NOT NULL,
  died_ms      INTEGER NOT NULL,
  at_ms        INTEGER NOT NULL,
  PRIMARY KEY (destination, seq)
) STRICT, WITHOUT ROWID;

-- Owners' orders that were taken from the catalog. Each is known here in the same transaction in which it begins
-- to take effect, and how far it got in the one of each step.
CREATE TABLE delivery_order (
  number          INTEGER PRIMARY KEY AUTOINCREMENT,
  id              TEXT    NOT NULL UNIQUE,      -- the catalog's
  destination_id  TEXT    NOT NULL,
  wish            TEXT    NOT NULL,             -- JSON, as in the catalog
  taken_ms        INTEGER NOT NULL,
  looked_to       INTEGER NOT NULL DEFAULT 0,   -- of letters: those up to this number are done
  letters_to      INTEGER NOT NULL DEFAULT 0,   -- later ones died after it was taken
  events          INTEGER NOT NULL DEFAULT 0,   -- it took effect on
  done_ms         INTEGER,
  problem         TEXT    NOT NULL DEFAULT ''   -- why it had no effect
) STRICT;

CREATE INDEX delivery_order_under_way ON delivery_order (destination_id, number) WHERE done_ms IS NULL;
