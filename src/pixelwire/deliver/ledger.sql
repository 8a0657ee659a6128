-- The courier's writes. All of one group run in one transaction, in this order.

-- name: adopt
INSERT INTO destination (id, store, start_after, cursor, state, since_ms, revision)
VALUES (?1, ?2, ?3, ?3, 'running', ?4, 0)
ON CONFLICT (id) DO NOTHING;

-- name: park
INSERT OR REPLACE INTO parked (destination, seq, identity, attempts, failing_ms, next_ms, reason)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: unpark
DELETE FROM parked WHERE destination = ? AND seq = ?;

-- name: sent
INSERT OR IGNORE INTO sent (destination, seq, at_ms, attempts) VALUES (?, ?, ?, ?);

-- name: bury
INSERT OR IGNORE INTO dead_letter
  (destination, home, seq, pixel, message_id, attempts, reason, died_ms, payload, received_ms, call, signal)
VALUES (?1, coalesce((SELECT home FROM replay WHERE number = ?1), ?1), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11);

-- name: bury_again
-- A letter that was sent again and refused again stays one letter.
UPDATE dead_letter SET attempts = ?2, reason = ?3, died_ms = ?4 WHERE number = ?1;

-- name: revive
-- A letter that was sent again has arrived.
DELETE FROM dead_letter WHERE number = ?;

-- name: end_retry
DELETE FROM retried WHERE destination = ? AND letter = ?;

-- name: filter
INSERT OR IGNORE INTO filtered (destination, seq, reason) VALUES (?, ?, ?);

-- name: expire
INSERT OR REPLACE INTO expired (destination, first_seq, last_seq, at_ms) VALUES (?, ?, ?, ?);

-- name: progress
UPDATE destination SET
  store = ?2, cursor = ?3, state = ?4, reason = ?5, since_ms = ?6, retry_at_ms = ?7, revision = ?8,
  sent_total = ?9, retried_total = ?10, dead_total = ?11, send_ms_total = ?12,
  last_sent_ms = ?13, last_error = ?14, last_error_ms = ?15, filtered_total = ?16, failed_casts_total = ?17
WHERE number = ?1;

-- name: remove
-- Its owner deleted it. After the progress of its loop, which would bring it back. The rows are swept later:
-- a catalog brought back from a backup finds its cursor again.
UPDATE destination SET state = 'removed', reason = '', since_ms = ?2, retry_at_ms = NULL
WHERE (id = ?1 OR number IN (SELECT r.number FROM replay AS r
                             WHERE r.home = (SELECT home.number FROM destination AS home WHERE home.id = ?1)))
  AND state <> 'removed';

-- name: expire_one
-- A parked one. It may be the first of a stretch that is known already.
INSERT INTO expired (destination, first_seq, last_seq, at_ms) VALUES (?1, ?2, ?2, ?3) ON CONFLICT DO NOTHING;

-- name: start_replay
UPDATE replay SET started_ms = ?2 WHERE number = ?1 AND started_ms IS NULL;

-- name: finish_replay
-- Unless more of its letters have just been ordered to be sent again.
UPDATE replay SET outcome = CASE WHEN end_seq < last_seq THEN 'cancelled' ELSE 'done' END, finished_ms = ?2
WHERE number = ?1 AND outcome IS NULL AND NOT EXISTS (SELECT 1 FROM retried AS r WHERE r.destination = ?1);

-- The courier's questions.

-- name: destination
SELECT number, store, cursor, state, reason, since_ms, retry_at_ms, revision,
       sent_total, retried_total, dead_total, send_ms_total, last_sent_ms, last_error, last_error_ms,
       filtered_total, failed_casts_total
FROM destination WHERE id = ?;

-- name: known
SELECT id FROM destination WHERE state <> 'removed' AND number NOT IN (SELECT number FROM replay);

-- name: lines
-- The first parked row of each identity, how many there are of it, and the first of those after the cursor.
-- Nobody's stand each by itself.
SELECT p.seq, p.identity, p.attempts, p.failing_ms, p.next_ms,
       coalesce(x.number, 0), coalesce(x.attempts, 0), line.length, line.ahead
FROM (SELECT min(seq) AS seq, count(*) AS length, min(seq) FILTER (WHERE seq > ?2) AS ahead
      FROM parked WHERE destination = ?1 AND identity <> 0
      GROUP BY identity
      UNION ALL
      SELECT seq, 1, NULL FROM parked WHERE destination = ?1 AND identity = 0) AS line
JOIN parked AS p ON p.destination = ?1 AND p.seq = line.seq
LEFT JOIN dead_letter AS x ON x.destination = ?1 AND x.seq = line.seq;

-- name: next_in_line
SELECT p.seq, p.identity, p.attempts, p.failing_ms, p.next_ms,
       coalesce(x.number, 0), coalesce(x.attempts, 0)
FROM parked AS p LEFT JOIN dead_letter AS x ON x.destination = ?1 AND x.seq = p.seq
WHERE p.destination = ?1 AND p.identity = ?2 AND p.seq > ?4
ORDER BY p.seq LIMIT ?3;

-- name: to_recall
-- Letters to be sent again that are not parked yet, oldest first.
SELECT x.number, x.seq, x.attempts, x.payload
FROM retried AS r JOIN dead_letter AS x ON x.number = r.letter
WHERE r.destination = ?1
  AND NOT EXISTS (SELECT 1 FROM parked AS p WHERE p.destination = ?1 AND p.seq = x.seq)
ORDER BY r.letter LIMIT ?2;

-- name: recalled
-- How many of the first ?2 letters to be sent again are parked.
SELECT count(*)
FROM (SELECT letter FROM retried WHERE destination = ?1 ORDER BY letter LIMIT ?2) AS r
JOIN dead_letter AS x ON x.number = r.letter
JOIN parked AS p ON p.destination = ?1 AND p.seq = x.seq;

-- name: has_retried
SELECT EXISTS (SELECT 1 FROM retried WHERE destination = ?);

-- name: letter
SELECT seq, pixel, CASE received_ms WHEN 0 THEN died_ms ELSE received_ms END, call, signal, payload, x''
FROM dead_letter WHERE number = ?;

-- name: settled_between
-- Events that need nothing more, or are parked: a restart reads them again and passes them by.
SELECT seq FROM sent        WHERE destination = ?1 AND seq > ?2 AND seq <= ?3 UNION ALL
SELECT seq FROM parked      WHERE destination = ?1 AND seq > ?2 AND seq <= ?3 UNION ALL
SELECT seq FROM dead_letter WHERE destination = ?1 AND seq > ?2 AND seq <= ?3 UNION ALL
SELECT seq FROM dropped     WHERE destination = ?1 AND seq > ?2 AND seq <= ?3 UNION ALL
SELECT seq FROM filtered    WHERE destination = ?1 AND seq > ?2 AND seq <= ?3;

-- name: settled_to
SELECT max(coalesce((SELECT max(seq) FROM sent        WHERE destination = ?1), 0),
           coalesce((SELECT max(seq) FROM parked      WHERE destination = ?1), 0),
           coalesce((SELECT max(seq) FROM dead_letter WHERE destination = ?1), 0),
           coalesce((SELECT max(seq) FROM dropped     WHERE destination = ?1), 0),
           coalesce((SELECT max(seq) FROM filtered    WHERE destination = ?1), 0));

-- Sweeping.

-- name: sweep_sent
-- Receipts of events that retention has removed; not of those it removed too early, whose neighbours are missed.
DELETE FROM sent WHERE destination = ?1 AND seq IN
  (SELECT seq FROM sent AS s WHERE destination = ?1 AND seq < ?2 AND (?4 OR NOT EXISTS
     (SELECT 1 FROM expired AS e WHERE e.destination = ?1 AND s.seq BETWEEN e.first_seq AND e.last_seq))
   ORDER BY seq LIMIT ?3);

-- name: sweep_dropped
DELETE FROM dropped WHERE destination = ?1 AND seq IN
  (SELECT seq FROM dropped WHERE destination = ?1 AND seq < ?2 ORDER BY seq LIMIT ?3);

-- name: sweep_filtered
DELETE FROM filtered WHERE destination = ?1 AND seq IN
  (SELECT seq FROM filtered WHERE destination = ?1 AND seq < ?2 ORDER BY seq LIMIT ?3);

-- name: sweepable
-- Destinations and up to which seq their receipts may go; removed ones lose all of them.
-- So do replays that ended long ago, when no dead letter of theirs is left.
SELECT number, CASE WHEN is_gone THEN 9223372036854775807 ELSE min(?2, cursor + 1) END, is_gone
FROM (SELECT number, cursor, state = 'removed' AND since_ms < ?1 OR number IN
        (SELECT r.number FROM replay AS r WHERE r.finished_ms < ?3
           AND NOT EXISTS (SELECT 1 FROM dead_letter AS x WHERE x.destination = r.number)) AS is_gone
      FROM destination);

-- name: sweep_retried
DELETE FROM retried WHERE destination = ?1 AND letter IN
  (SELECT letter FROM retried WHERE destination = ?1 ORDER BY letter LIMIT ?2);

-- name: sweep_dead
DELETE FROM dead_letter WHERE number IN (SELECT number FROM dead_letter WHERE destination = ?1 LIMIT ?2);

-- name: sweep_parked
DELETE FROM parked WHERE destination = ?1 AND seq IN
  (SELECT seq FROM parked WHERE destination = ?1 ORDER BY seq LIMIT ?2);

-- name: sweep_expired
DELETE FROM expired WHERE destination = ?;

-- name: sweep_replay
DELETE FROM replay WHERE number = ?;

-- name: sweep_destination
DELETE FROM destination WHERE number = ?;
