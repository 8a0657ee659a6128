-- The first shape of the catalog. Times are milliseconds since 1970, UTC.

CREATE TABLE business (
    id         TEXT PRIMARY KEY,              -- uuid, lower case
    name       TEXT NOT NULL,
    type       TEXT NOT NULL,
    status     TEXT NOT NULL DEFAULT 'ACTIVE',
    details    TEXT NOT NULL DEFAULT '{}',    -- JSON: further documented members, kept as they came
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE dataset (
    id          TEXT PRIMARY KEY,             -- uuid
    business_id TEXT NOT NULL REFERENCES business (id),
    name        TEXT NOT NULL,
    created_ms  INTEGER NOT NULL
) STRICT;

CREATE INDEX dataset_of_business ON dataset (business_id);

-- `number` stands for the pixel in every event on disk, so it is never given to another: AUTOINCREMENT.
CREATE TABLE pixel (
    number         INTEGER PRIMARY KEY AUTOINCREMENT,
    id             TEXT NOT NULL UNIQUE,      -- 32 lower-case hex digits, and its first write key
    business_id    TEXT NOT NULL REFERENCES business (id),
    integration_id TEXT NOT NULL UNIQUE,      -- uuid
    dataset_id     TEXT NOT NULL UNIQUE REFERENCES dataset (id),
    domain         TEXT NOT NULL,
    name           TEXT NOT NULL,
    is_enabled     INTEGER NOT NULL DEFAULT 1,
    event_rules    TEXT NOT NULL DEFAULT '{}',  -- JSON: event name as its owner wrote it -> signal or null
    address        TEXT NOT NULL DEFAULT 'masked',
    user_agent     TEXT NOT NULL DEFAULT 'full',
    gpc            TEXT NOT NULL DEFAULT 'count',
    details        TEXT NOT NULL DEFAULT '{}',  -- JSON: aam_opt_in, aam_fields
    created_ms     INTEGER NOT NULL,
    updated_ms     INTEGER NOT NULL,
    UNIQUE (business_id, name)
) STRICT;

CREATE TABLE write_key (
    id         TEXT PRIMARY KEY,              -- uuid
    pixel      INTEGER NOT NULL REFERENCES pixel (number),
    key        TEXT NOT NULL UNIQUE,          -- unique over the whole server
    is_enabled INTEGER NOT NULL DEFAULT 1,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX write_key_of_pixel ON write_key (pixel);

CREATE TABLE token (
    id          TEXT PRIMARY KEY,             -- uuid
    name        TEXT NOT NULL,
    business_id TEXT REFERENCES business (id),  -- null: every business, and the server itself
    role        TEXT NOT NULL CHECK (role IN ('read', 'write', 'admin')),
    hash        BLOB NOT NULL UNIQUE,         -- SHA-256; the token itself is shown once and not kept
    created_ms  INTEGER NOT NULL
) STRICT;

-- `revision` grows with every change of a row, so that the courier sees it; `options` holds secrets.
CREATE TABLE destination (
    id          TEXT PRIMARY KEY,             -- uuid
    business_id TEXT NOT NULL REFERENCES business (id),
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    options     TEXT NOT NULL,                -- JSON
    is_enabled  INTEGER NOT NULL DEFAULT 1,
    takes_all   INTEGER NOT NULL,             -- all pixels of the business, those to come included
    revision    INTEGER NOT NULL DEFAULT 1,
    start_after INTEGER NOT NULL,             -- seq: events after this one are delivered
    created_ms  INTEGER NOT NULL,
    updated_ms  INTEGER NOT NULL,
    UNIQUE (business_id, name)
) STRICT;

CREATE TABLE destination_pixel (
    destination_id TEXT NOT NULL REFERENCES destination (id) ON DELETE CASCADE,
    pixel          INTEGER NOT NULL REFERENCES pixel (number),
    PRIMARY KEY (destination_id, pixel)
) STRICT, WITHOUT ROWID;
