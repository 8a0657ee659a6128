-- name: insert
INSERT INTO business (id, name, type, details, created_ms, updated_ms) VALUES (?, ?, ?, ?, ?, ?);

-- name: one
SELECT id, name, type, status, details, created_ms, updated_ms FROM business WHERE id = ?;

-- name: all
SELECT id, name, type, status, details, created_ms, updated_ms FROM business ORDER BY rowid;

-- name: rename
UPDATE business SET name = ?, updated_ms = ? WHERE id = ?;
