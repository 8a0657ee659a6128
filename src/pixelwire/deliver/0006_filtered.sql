-- Events that the owner's filters or transforms hold back from a destination, and why. Rows go as those of `sent` do.
CREATE TABLE filtered (
  destination  INTEGER NOT NULL,
  seq          INTEGER NOT NULL,
  reason       TEXT    NOT NULL,
  PRIMARY KEY (destination, seq)
) STRICT, WITHOUT ROWID;

ALTER TABLE destination ADD COLUMN filtered_total     INTEGER NOT NULL DEFAULT 0;  -- events
ALTER TABLE destination ADD COLUMN failed_casts_total INTEGER NOT NULL DEFAULT 0;  -- values that stayed text
