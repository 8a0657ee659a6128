-- Replays: a stretch of events that is sent to a destination once more. Each has a row in `destination` under its own
-- id, with cursor, state and totals, and rows of that number in the other tables, as a destination has.
CREATE TABLE replay (
  number       INTEGER PRIMARY KEY,  -- of its row in `destination`
  home         INTEGER NOT NULL,     -- of the destination's
  wish         TEXT    NOT NULL,     -- JSON, as it was ordered
  first_seq    INTEGER NOT NULL,
  last_seq     INTEGER NOT NULL,
  end_seq      INTEGER NOT NULL,     -- how far it goes: `last_seq`, or where it was cancelled
  created_ms   INTEGER NOT NULL,
  started_ms   INTEGER,              -- when it began to send
  finished_ms  INTEGER,
  outcome      TEXT                  -- done or cancelled; NULL: it is going on
) STRICT;

CREATE INDEX replay_of ON replay (home, number);
