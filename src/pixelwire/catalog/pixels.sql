-- name: insert
INSERT INTO pixel (id, business_id, integration_id, dataset_id, domain, name, details, created_ms, updated_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
RETURNING number;

-- name: one
SELECT number, id, business_id, integration_id, dataset_id, domain, name, is_enabled, event_rules,
       address, user_agent, gpc, details, created_ms, updated_ms
FROM pixel
WHERE id = ?;

-- name: page
-- One page of a business's pixels, oldest first.
SELECT number, id, business_id, integration_id, dataset_id, domain, name, is_enabled, event_rules,
       address, user_agent, gpc, details, created_ms, updated_ms
FROM pixel
WHERE business_id = ?
ORDER BY number
LIMIT ? OFFSET ?;

-- name: count
SELECT count(*) FROM pixel WHERE business_id = ?;

-- name: of_name
SELECT number FROM pixel WHERE business_id = ? AND name = ?;

-- name: update
UPDATE pixel
SET domain = ?, name = ?, is_enabled = ?, event_rules = ?, address = ?, user_agent = ?, gpc = ?, updated_ms = ?
WHERE number = ?;
