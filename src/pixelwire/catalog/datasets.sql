-- name: insert
INSERT INTO dataset (id, business_id, name, created_ms) VALUES (?, ?, ?, ?);

-- name: all
SELECT id, business_id, name, created_ms FROM dataset WHERE business_id = ? ORDER BY rowid;

-- name: is_free
-- Whether a business owns the dataset and no pixel has it.
SELECT 1
FROM dataset
WHERE id = ? AND business_id = ? AND NOT EXISTS (SELECT 1 FROM pixel WHERE pixel.dataset_id = dataset.id);

-- name: exists
SELECT 1 FROM dataset WHERE id = ?;
