-- What there is in a schema. Any role may read PostgreSQL's catalogs.

-- name: schema
SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %(schema)s;

-- name: relations
-- By name: its kind, whether we may alter it, its highest column number (dropped ones count towards PostgreSQL's
-- limit), its columns with their types ('' where a value can not be given), those that must have a value of
-- the owner's, and whether rows are told apart by message id and pixel.
SELECT c.relname,
       c.relkind::text,
       pg_catalog.pg_has_role(c.relowner, 'USAGE'),
       (SELECT coalesce(max(a.attnum), 0) FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid),
       (SELECT coalesce(jsonb_object_agg(a.attname, CASE
                 WHEN a.attgenerated <> '' OR a.attidentity = 'a' THEN ''
                 ELSE pg_catalog.format_type(a.atttypid, a.atttypmod) END), '{}')
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
       (SELECT coalesce(array_agg(a.attname::text ORDER BY a.attnum), '{}')
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''),
       EXISTS (SELECT 1 FROM pg_catalog.pg_index AS i
               WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
                 AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnatts = 2
                 AND (SELECT array_agg(a.attname::text ORDER BY a.attname)
                      FROM pg_catalog.pg_attribute AS a
                      WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey::int2[]))
                     = ARRAY['context_source_id', 'id'])
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname::text = ANY (%(names)s);

-- name: types
-- A table can not have the name of a type. Those of arrays give way.
SELECT t.typname
FROM pg_catalog.pg_type AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
WHERE n.nspname = %(schema)s AND t.typname::text = ANY (%(names)s) AND t.typrelid = 0 AND t.typcategory <> 'A';

-- name: event_tables
SELECT count(*)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p')
  AND c.relname NOT IN ('tracks', 'pages', 'rudder_discards');

-- name: begin
-- For this transaction only, so that a pooler between us may hand the session to others.
SELECT set_config('statement_timeout', %(statement_ms)s, true),
       set_config('lock_timeout', %(lock_ms)s, true),
       set_config('idle_in_transaction_session_timeout', %(statement_ms)s, true);

-- name: lock
-- One writer at a time adds tables and columns. Ends with the transaction.
SELECT pg_advisory_xact_lock(%(key)s);
