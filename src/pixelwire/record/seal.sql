-- Builds the index of ids from the appended batches, in one statement: sorted input fills the B-tree
-- from left to right, and the interpreter's lock is free meanwhile.

INSERT INTO id (key, seq)
    WITH RECURSIVE position(n) AS (
        SELECT 0 UNION ALL
        SELECT n + 1 FROM position WHERE n < (SELECT max(length(keys)) FROM id_batch) / 8 - 1
    )
    SELECT substr(batch.keys, position.n * 8 + 1, 8), batch.first_seq + position.n
    FROM id_batch AS batch
    JOIN position ON position.n < length(batch.keys) / 8
    ORDER BY 1, 2;
