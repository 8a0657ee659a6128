-- After a restore. ?1 is the newest event of the store, or the store.

-- name: cut_cursors
UPDATE destination SET cursor = min(cursor, ?1), start_after = min(start_after, ?1);

-- name: cut_sent
DELETE FROM sent WHERE seq > ?1;

-- name: cut_dropped
DELETE FROM dropped WHERE seq > ?1;

-- name: cut_filtered
DELETE FROM filtered WHERE seq > ?1;

-- name: cut_parked
DELETE FROM parked WHERE seq > ?1;

-- name: set_dead_apart
-- Dead letters hold their event themselves and stay. A negative seq is that of no event here.
UPDATE dead_letter SET seq = -number WHERE seq > ?1;

-- name: cut_expired
DELETE FROM expired WHERE last_seq > ?1;

-- name: cut_replays
UPDATE replay SET end_seq = min(end_seq, ?1), last_seq = min(last_seq, ?1);

-- name: accept
UPDATE destination SET store = ?1;
