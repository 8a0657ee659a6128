-- The read door's questions about replays.

-- name: list
-- Of one destination, or one of them; newest first.
SELECT d.id, home.id, d.state, d.reason, r.outcome,
       EXISTS (SELECT 1 FROM replay AS other
               WHERE other.home = r.home AND other.number < r.number AND other.outcome IS NULL),
       r.wish, r.first_seq, r.last_seq, d.cursor,
       d.sent_total, d.filtered_total, d.retried_total, d.dead_total,
       (SELECT count(*) FROM parked AS p WHERE p.destination = d.number),
       (SELECT count(*) FROM dead_letter AS x WHERE x.destination = d.number),
       (SELECT coalesce(sum(e.last_seq - e.first_seq + 1), 0) FROM expired AS e WHERE e.destination = d.number),
       r.created_ms, r.started_ms, r.finished_ms
FROM replay AS r
JOIN destination AS d    ON d.number = r.number
JOIN destination AS home ON home.number = r.home
WHERE home.id = ?1 AND (?2 IS NULL OR d.id = ?2)
ORDER BY r.number DESC;

-- name: going
SELECT home.id, count(*) FROM replay AS r JOIN destination AS home ON home.number = r.home
WHERE r.outcome IS NULL AND home.state <> 'removed'
GROUP BY home.id;

-- name: of_event
-- What replays did with one event, at the destinations given as a JSON array of ids; oldest first.
SELECT home.id, d.id, s.attempts, s.at_ms, p.attempts, p.next_ms, p.reason,
       x.attempts, x.died_ms, x.reason, g.attempts, g.at_ms, g.reason, f.reason,
       EXISTS (SELECT 1 FROM retried AS t WHERE t.destination = d.number AND t.letter = x.number)
FROM replay AS r
JOIN destination AS home ON home.number = r.home
JOIN destination AS d    ON d.number = r.number
LEFT JOIN sent        AS s ON s.destination = d.number AND s.seq = ?1
LEFT JOIN parked      AS p ON p.destination = d.number AND p.seq = ?1
LEFT JOIN dead_letter AS x ON x.destination = d.number AND x.seq = ?1
LEFT JOIN dropped     AS g ON g.destination = d.number AND g.seq = ?1
LEFT JOIN filtered    AS f ON f.destination = d.number AND f.seq = ?1
WHERE home.id IN (SELECT value FROM json_each(?2)) AND ?1 BETWEEN r.first_seq AND r.last_seq
  AND coalesce(s.seq, p.seq, x.seq, g.seq, f.seq) IS NOT NULL
ORDER BY r.number;
