-- The read door's questions.

-- name: of_event
-- What became of one event at the destinations given as a JSON array of ids.
SELECT d.id, d.state, d.reason, d.start_after, d.cursor, d.filtered_total,
       s.attempts, s.at_ms,
       p.attempts, p.next_ms, p.reason,
       x.attempts, x.died_ms, x.reason,
       g.attempts, g.at_ms, g.reason,
       f.reason,
       EXISTS (SELECT 1 FROM retried AS r WHERE r.destination = d.number AND r.letter = x.number),
       (SELECT e.at_ms FROM expired AS e WHERE e.destination = d.number AND ?1 BETWEEN e.first_seq AND e.last_seq)
FROM destination AS d
LEFT JOIN sent        AS s ON s.destination = d.number AND s.seq = ?1
LEFT JOIN parked      AS p ON p.destination = d.number AND p.seq = ?1
LEFT JOIN dead_letter AS x ON x.destination = d.number AND x.seq = ?1
LEFT JOIN dropped     AS g ON g.destination = d.number AND g.seq = ?1
LEFT JOIN filtered    AS f ON f.destination = d.number AND f.seq = ?1
WHERE d.id IN (SELECT value FROM json_each(?2));

-- name: cursors
-- Events after these may still be needed: parked ones are read again from their segment, but for dead letters,
-- which hold their event themselves.
-- A replay needs them until it is at its end, and while its destination is there.
SELECT coalesce(home.id, d.id), d.id, d.state,
       min(d.cursor, coalesce((SELECT p.seq - 1 FROM parked AS p WHERE p.destination = d.number
         AND NOT EXISTS (SELECT 1 FROM dead_letter AS x WHERE x.destination = d.number AND x.seq = p.seq)
         ORDER BY p.seq LIMIT 1), d.cursor))
FROM destination AS d
LEFT JOIN replay      AS y    ON y.number = d.number
LEFT JOIN destination AS home ON home.number = y.home
WHERE y.number IS NULL OR y.outcome IS NULL;

-- name: farthest
SELECT coalesce(max(max(cursor, start_after)), 0) FROM destination;

-- name: summary
SELECT d.id, d.state, d.reason, d.since_ms, d.retry_at_ms, d.start_after, d.cursor,
       (SELECT count(*) FROM parked      AS p WHERE p.destination = d.number),
       (SELECT count(*) FROM dead_letter AS x WHERE x.home = d.number),
       (SELECT count(*) FROM retried AS r WHERE r.destination = d.number
          OR r.destination IN (SELECT y.number FROM replay AS y WHERE y.home = d.number)),
       (SELECT coalesce(sum(e.last_seq - e.first_seq + 1), 0) FROM expired AS e WHERE e.destination = d.number),
       d.sent_total, d.retried_total, d.dead_total, d.dropped_total, d.send_ms_total,
       d.last_sent_ms, d.last_error, d.last_error_ms, d.filtered_total, d.failed_casts_total
FROM destination AS d
WHERE d.state <> 'removed' AND d.number NOT IN (SELECT y.number FROM replay AS y)
ORDER BY d.number;
