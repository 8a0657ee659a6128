-- name: insert
INSERT INTO write_key (id, pixel, key, created_ms) VALUES (?, ?, ?, ?);

-- name: all
-- The pixel's own id is its first.
SELECT write_key.id, pixel.id, write_key.key, write_key.is_enabled, write_key.created_ms
FROM write_key JOIN pixel ON pixel.number = write_key.pixel
WHERE pixel.id = ?
ORDER BY write_key.rowid;

-- name: one
SELECT write_key.id, pixel.id, write_key.key, write_key.is_enabled, write_key.created_ms
FROM write_key JOIN pixel ON pixel.number = write_key.pixel
WHERE write_key.id = ? AND pixel.id = ?;

-- name: pixel_number
SELECT number FROM pixel WHERE id = ?;

-- name: is_used
SELECT 1 FROM write_key WHERE key = ?;

-- name: switch
UPDATE write_key SET is_enabled = ? WHERE id = ?;

-- name: delete
DELETE FROM write_key WHERE id = ?;
