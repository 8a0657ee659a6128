-- Events that retention removed before a destination had them, so that its cursor passed them by. Those among
-- them that it did have are in `sent`.
CREATE TABLE expired (
  destination  INTEGER NOT NULL,
  first_seq    INTEGER NOT NULL,
  last_seq     INTEGER NOT NULL,
  at_ms        INTEGER NOT NULL,
  PRIMARY KEY (destination, first_seq)
) STRICT, WITHOUT ROWID;
