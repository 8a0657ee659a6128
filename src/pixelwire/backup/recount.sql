-- name: not_as_counted
-- Rows of the counts that the events themselves do not add up to, and the other way round.
SELECT pixel, hour, signal, sum(counted), sum(there) FROM (
    SELECT pixel, hour, signal, amount AS counted, 0 AS there FROM signal_count
    UNION ALL
    SELECT pixel, received_ms / 3600000, signal, 0, count(*) FROM event GROUP BY 1, 2, 3
)
GROUP BY 1, 2, 3 HAVING sum(counted) <> sum(there) LIMIT 5;

-- name: events
SELECT count(*), min(seq), max(seq) FROM event;

-- name: keys
-- Ids of events: in the index when it is sealed, packed before.
SELECT CASE WHEN (SELECT sealed_ms FROM meta) IS NULL
            THEN (SELECT coalesce(sum(length(keys) / 8), 0) FROM id_batch)
            ELSE (SELECT count(*) FROM id) END;

-- name: pixels
SELECT DISTINCT pixel FROM signal_count;

-- name: gather
-- Adds a folded segment's counts to what the totals must at least hold.
INSERT INTO gathered VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET amount = amount + excluded.amount;
