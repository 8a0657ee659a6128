-- Which events a destination gets, and in what shape: declared by its owner, empty for all and as stored.

ALTER TABLE destination ADD COLUMN filters TEXT NOT NULL DEFAULT '{}';     -- JSON object
ALTER TABLE destination ADD COLUMN transforms TEXT NOT NULL DEFAULT '[]';  -- JSON array
