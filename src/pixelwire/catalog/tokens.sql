-- name: insert
INSERT INTO token (id, name, business_id, role, hash, created_ms) VALUES (?, ?, ?, ?, ?, ?);

-- name: of_hash
SELECT id, name, business_id, role, created_ms, hash FROM token WHERE hash = ?;

-- name: one
SELECT id, name, business_id, role, created_ms FROM token WHERE id = ?;

-- name: all
SELECT id, name, business_id, role, created_ms FROM token ORDER BY rowid;

-- name: delete
DELETE FROM token WHERE id = ?;
