-- name: give
INSERT INTO delivery_order (id, destination_id, wish, created_ms) VALUES (?, ?, ?, ?);

-- name: forget
DELETE FROM delivery_order WHERE created_ms < ?;

-- name: of_id
SELECT number, id, destination_id, wish, created_ms FROM delivery_order WHERE id = ?;

-- name: of_destination
SELECT number, id, destination_id, wish, created_ms FROM delivery_order WHERE destination_id = ? ORDER BY number;

-- name: has_destination
SELECT 1 FROM destination WHERE id = ?;

-- name: forget_sending
-- After a restore: the former server has done these, be it after its deliveries were copied. Nothing is sent twice for
-- it; what was dropped or cancelled is so here too.
DELETE FROM delivery_order WHERE json_extract(wish, '$.verb') NOT IN ('drop', 'cancel');
