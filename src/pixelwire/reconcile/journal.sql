-- name: tables
-- A temporary file: what was answered by id, and what is stored, side by side.
CREATE TABLE answer (
    id     TEXT    NOT NULL,
    pixel  INTEGER,                      -- NULL where the log does not tell
    stored INTEGER NOT NULL,             -- 1: answered `stored`; 0: answered `duplicate`
    at_ms  INTEGER NOT NULL,             -- when it was answered
    source INTEGER NOT NULL,             -- which of the logs
    line   INTEGER NOT NULL
) STRICT;
CREATE TABLE event (
    id    TEXT    NOT NULL,
    pixel INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,              -- when it was received
    seq   INTEGER NOT NULL
) STRICT;

-- name: add_answer
INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?);

-- name: add_event
INSERT INTO event VALUES (?, ?, ?, ?);

-- name: indexes
CREATE INDEX answer_by_id ON answer (id);
CREATE INDEX event_by_id ON event (id);

-- name: add_earlier
-- Most of what was stored before is of no interest: it would fill the disk.
INSERT INTO event SELECT ?1, ?2, ?3, ?4
WHERE EXISTS (SELECT 1 FROM answer WHERE id = ?1) OR EXISTS (SELECT 1 FROM event WHERE id = ?1);

-- name: unfound
-- Answers whose event is not there; `needed_ms` is the oldest time at which it can have been stored.
CREATE TEMP TABLE unfound AS
    SELECT id, min(at_ms) AS at_ms, source, line,
           min(at_ms) - CASE WHEN max(stored) THEN :slack_ms ELSE :window_ms END AS needed_ms
    FROM answer
    WHERE at_ms BETWEEN :from_ms AND :to_ms
      AND NOT EXISTS (SELECT 1 FROM event
                      WHERE event.id = answer.id AND (answer.pixel IS NULL OR event.pixel = answer.pixel))
    GROUP BY id, pixel;

-- name: stored_twice
-- Two events of one id that are nearer to each other than the duplicate window.
CREATE TEMP TABLE stored_twice AS
    SELECT id, pixel, count(*) + 1 AS events, min(at_ms) AS at_ms FROM (
        SELECT id, pixel, at_ms, seq,
               at_ms - lag(at_ms) OVER (PARTITION BY id, pixel ORDER BY at_ms, seq) AS gap_ms
        FROM event
        WHERE id IN (SELECT id FROM event GROUP BY id HAVING count(*) > 1)
    )
    WHERE gap_ms <= :window_ms AND at_ms BETWEEN :from_ms AND :to_ms
    GROUP BY id, pixel;

-- name: answered_twice
-- More answers `stored` for an id than there are events of it.
CREATE TEMP TABLE answered_twice AS
    SELECT id, stored, events, at_ms FROM (
        SELECT id, sum(stored) AS stored, max(at_ms) AS at_ms,
               (SELECT count(*) FROM event
                WHERE event.id = answer.id AND (answer.pixel IS NULL OR event.pixel = answer.pixel)) AS events
        FROM answer
        GROUP BY id, pixel
        HAVING sum(stored) > 1
    )
    WHERE events > 0 AND stored > events AND at_ms BETWEEN :from_ms AND :to_ms;

-- name: unlogged
-- Events that no answer tells of.
CREATE TEMP TABLE unlogged AS
    SELECT id, at_ms, seq FROM event
    WHERE at_ms BETWEEN :from_ms AND :to_ms
      AND NOT EXISTS (SELECT 1 FROM answer
                      WHERE answer.id = event.id AND (answer.pixel IS NULL OR answer.pixel = event.pixel));
