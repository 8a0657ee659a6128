-- name: insert
INSERT INTO destination (
    id, business_id, kind, name, options, filters, transforms, is_enabled, takes_all, start_after,
    created_ms, updated_ms
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: all
SELECT id, business_id, kind, name, options, filters, transforms, is_enabled, takes_all, revision, start_after,
       created_ms, updated_ms
FROM destination
ORDER BY rowid;

-- name: one
SELECT id, business_id, kind, name, options, filters, transforms, is_enabled, takes_all, revision, start_after,
       created_ms, updated_ms
FROM destination
WHERE id = ?;

-- name: of_name
SELECT 1 FROM destination WHERE business_id = ? AND name = ?;

-- name: of_business
SELECT 1 FROM destination WHERE business_id = ?;

-- name: update
UPDATE destination
SET name = ?, options = ?, filters = ?, transforms = ?, is_enabled = ?, revision = revision + 1, updated_ms = ?
WHERE id = ?;

-- name: delete
DELETE FROM destination WHERE id = ?;

-- name: take
UPDATE destination SET takes_all = ? WHERE id = ?;

-- name: forget_choice
DELETE FROM destination_pixel WHERE destination_id = ?;

-- name: choose
-- Gives a destination one pixel, if its business has it.
INSERT OR IGNORE INTO destination_pixel (destination_id, pixel)
SELECT ?, number FROM pixel WHERE id = ? AND business_id = ?;

-- name: chosen
SELECT pixel.id
FROM destination_pixel JOIN pixel ON pixel.number = destination_pixel.pixel
WHERE destination_pixel.destination_id = ?
ORDER BY pixel.number;

-- name: business_has_pixel
SELECT 1 FROM pixel WHERE id = ? AND business_id = ?;
