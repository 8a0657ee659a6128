-- The courier's side of replays.

-- name: going
-- Those that are not at their end, as they were ordered.
SELECT d.id, home.id, r.wish, r.end_seq
FROM replay AS r
JOIN destination AS d    ON d.number = r.number
JOIN destination AS home ON home.number = r.home
WHERE r.outcome IS NULL
ORDER BY r.number;

-- name: make_row
-- As a destination's, that begins before the first event. None while the destination itself is not known.
INSERT OR IGNORE INTO destination (id, store, start_after, cursor, state, since_ms, revision)
SELECT ?1, ?3, ?4 - 1, ?4 - 1, 'waiting', ?5, 0 FROM destination AS home
WHERE home.id = ?2 AND home.state <> 'removed';

-- name: make
INSERT OR IGNORE INTO replay (number, home, wish, first_seq, last_seq, end_seq, created_ms)
SELECT d.number, home.number, ?3, ?4, ?5, ?5, ?6
FROM destination AS d JOIN destination AS home ON home.id = ?2
WHERE d.id = ?1 AND home.state <> 'removed';

-- name: cancel
UPDATE replay SET outcome = 'cancelled', finished_ms = ?3
WHERE outcome IS NULL
  AND number = (SELECT d.number FROM destination AS d WHERE d.id = ?1)
  AND home = (SELECT home.number FROM destination AS home WHERE home.id = ?2);

-- name: forget_retried
-- Of a cancelled replay: what was to be sent again is a dead letter as before.
DELETE FROM retried WHERE destination = (SELECT d.number FROM destination AS d WHERE d.id = ?);

-- name: forget_parked
-- Of replays that were cancelled; they may write some more while they end.
DELETE FROM parked WHERE destination IN (SELECT r.number FROM replay AS r WHERE r.outcome = 'cancelled');

-- name: reopen
-- Letters of replays at their end are to be sent again: those, and nothing that was cancelled.
UPDATE replay SET
  outcome = NULL, finished_ms = NULL,
  end_seq = CASE outcome WHEN 'cancelled'
    THEN min(end_seq, (SELECT d.cursor FROM destination AS d WHERE d.number = replay.number)) ELSE end_seq END
WHERE outcome IS NOT NULL AND EXISTS (SELECT 1 FROM retried AS r WHERE r.destination = replay.number);
