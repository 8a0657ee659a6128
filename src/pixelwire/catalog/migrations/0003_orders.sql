-- What owners want done with deliveries. Written here, carried out once each by the courier, which has the only
-- hand on its own file. Old ones go when a new one is made.
CREATE TABLE delivery_order (
    number         INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order they were given
    id             TEXT NOT NULL UNIQUE,               -- uuid; by this the courier knows what it has done
    destination_id TEXT NOT NULL REFERENCES destination (id) ON DELETE CASCADE,
    wish           TEXT NOT NULL,                      -- JSON: see wishes.py
    created_ms     INTEGER NOT NULL
) STRICT;

CREATE INDEX delivery_order_of_destination ON delivery_order (destination_id);
