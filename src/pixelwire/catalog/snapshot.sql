-- name: keys
SELECT write_key.key, pixel.number, pixel.id, pixel.is_enabled AND write_key.is_enabled,
       pixel.event_rules, pixel.address, pixel.user_agent, pixel.gpc
FROM write_key JOIN pixel ON pixel.number = write_key.pixel;

-- name: key
SELECT write_key.key, pixel.number, pixel.id, pixel.is_enabled AND write_key.is_enabled,
       pixel.event_rules, pixel.address, pixel.user_agent, pixel.gpc
FROM write_key JOIN pixel ON pixel.number = write_key.pixel
WHERE write_key.key = ?;

-- name: pixel
SELECT id, number, id, is_enabled, event_rules, address, user_agent, gpc FROM pixel WHERE id = ?;

-- name: pixel_by_number
SELECT id, number, id, is_enabled, event_rules, address, user_agent, gpc FROM pixel WHERE number = ?;

-- name: destinations
SELECT id, business_id, name, kind, options, is_enabled, revision, start_after, takes_all, filters, transforms
FROM destination
ORDER BY rowid;

-- name: pixels_of_business
SELECT number FROM pixel WHERE business_id = ?;

-- name: pixels_of_destination
SELECT pixel FROM destination_pixel WHERE destination_id = ?;

-- name: orders
SELECT number, id, destination_id, wish, created_ms FROM delivery_order WHERE number > ? ORDER BY number;
