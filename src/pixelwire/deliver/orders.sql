-- Owners' orders: taken from the catalog, carried out step by step.

-- name: known
SELECT id FROM delivery_order;

-- name: take
-- Of letters, those there are now and no later ones: from the first of the destination, or the one that is named.
INSERT OR IGNORE INTO delivery_order (id, destination_id, wish, taken_ms, looked_to, letters_to)
SELECT ?1, ?2, ?3, ?4, coalesce(?5, min(x.number), 1) - 1, coalesce(?5, max(x.number), 0)
FROM dead_letter AS x
WHERE x.home = (SELECT d.number FROM destination AS d WHERE d.id = ?2);

-- name: refuse
UPDATE delivery_order SET done_ms = ?2, problem = ?3 WHERE id = ?1 AND done_ms IS NULL;

-- name: under_way
-- Of each destination the first one: what was ordered later waits for it.
SELECT min(o.number), o.id, o.destination_id, o.wish, o.looked_to, o.letters_to
FROM delivery_order AS o
WHERE o.done_ms IS NULL
GROUP BY o.destination_id
ORDER BY 1;

-- name: step
-- The last letter of the next ?4 of a destination, after number ?2 and up to ?3.
SELECT max(number) FROM (
  SELECT x.number FROM dead_letter AS x
  WHERE x.home = (SELECT d.number FROM destination AS d WHERE d.id = ?1)
    AND x.number > ?2 AND x.number <= ?3
  ORDER BY x.number LIMIT ?4);

-- name: letters
-- Those of a step that are meant. What is being sent again is no dead letter just now.
SELECT x.destination, x.number FROM dead_letter AS x
WHERE x.home = (SELECT d.number FROM destination AS d WHERE d.id = :destination_id)
  AND x.number > :after AND x.number <= :up_to
  AND (:reason = '' OR instr(lower(x.reason), lower(:reason)))
  AND (:from_ms IS NULL OR x.died_ms >= :from_ms) AND (:to_ms IS NULL OR x.died_ms < :to_ms)
  AND NOT EXISTS (SELECT 1 FROM retried AS r WHERE r.destination = x.destination AND r.letter = x.number)
ORDER BY x.number;

-- name: retry
INSERT INTO retried (destination, letter, at_ms) VALUES (?, ?, ?);

-- name: note_dropped
-- A letter set apart belongs to no event here (its seq is negative) and needs no receipt.
INSERT OR REPLACE INTO dropped (destination, seq, attempts, reason, died_ms, at_ms)
SELECT destination, seq, attempts, reason, died_ms, ?2 FROM dead_letter WHERE number = ?1 AND seq > 0;

-- name: drop
DELETE FROM dead_letter WHERE number = ?;

-- name: count_dropped
UPDATE destination SET dropped_total = dropped_total + ?2 WHERE id = ?1;

-- name: went_on
UPDATE delivery_order SET looked_to = ?2, events = events + ?3, done_ms = ?4 WHERE number = ?1;

-- name: forget
-- Those carried out long ago which the catalog has forgotten too: else they would be taken once more.
DELETE FROM delivery_order
WHERE done_ms IS NOT NULL AND taken_ms < ?1 AND id NOT IN (SELECT value FROM json_each(?2));
