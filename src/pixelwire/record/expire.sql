-- Keeps what a receipt needs of the attached segment's events after :after. Inside the caller's transaction.

INSERT OR IGNORE INTO main.expired_event
    SELECT id.key, event.seq, event.pixel, event.received_ms, event.call, event.signal
    FROM segment.id AS id CROSS JOIN segment.event AS event ON event.seq = id.seq
    WHERE id.seq > :after;
