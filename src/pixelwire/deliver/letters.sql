-- The read door's questions about dead letters.

-- name: list
-- Oldest first, without their payload.
SELECT x.number, x.seq, x.pixel, x.message_id, x.attempts, x.reason, x.died_ms,
       coalesce(y.id, ''), r.letter IS NOT NULL
FROM dead_letter AS x
LEFT JOIN destination AS y ON y.number = x.destination AND x.destination <> x.home
LEFT JOIN retried     AS r ON r.destination = x.destination AND r.letter = x.number
WHERE x.home = (SELECT d.number FROM destination AS d WHERE d.id = ?1) AND x.number > ?2
  AND (?4 = '' OR instr(lower(x.reason), lower(?4)))
ORDER BY x.number
LIMIT ?3;

-- name: one
SELECT x.number, x.seq, x.pixel, x.message_id, x.attempts, x.reason, x.died_ms,
       coalesce(y.id, ''), r.letter IS NOT NULL, x.payload
FROM dead_letter AS x
LEFT JOIN destination AS y ON y.number = x.destination AND x.destination <> x.home
LEFT JOIN retried     AS r ON r.destination = x.destination AND r.letter = x.number
WHERE x.home = (SELECT d.number FROM destination AS d WHERE d.id = ?1) AND x.number = ?2;

-- name: amount
-- Those that an order would concern.
SELECT count(*) FROM dead_letter AS x
WHERE x.home = (SELECT d.number FROM destination AS d WHERE d.id = ?1)
  AND (?2 = '' OR instr(lower(x.reason), lower(?2)))
  AND (?3 IS NULL OR x.died_ms >= ?3) AND (?4 IS NULL OR x.died_ms < ?4)
  AND NOT EXISTS (SELECT 1 FROM retried AS r WHERE r.destination = x.destination AND r.letter = x.number);

-- name: order
SELECT events, done_ms, problem FROM delivery_order WHERE id = ?;
