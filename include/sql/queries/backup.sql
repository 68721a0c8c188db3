-- name: speak_plainly
-- How values are written is part of a backup's format; a long copy is no fault.
SELECT set_config('DateStyle', 'ISO, YMD', false), set_config('IntervalStyle', 'postgres', false),
    set_config('bytea_output', 'hex', false), set_config('extra_float_digits', '1', false),
    set_config('statement_timeout', '0', false), set_config('idle_in_transaction_session_timeout', '0', false);

-- name: data_tables
-- Every table that holds rows of its own or of its partitions, its stored columns, and the tables that it points to.
-- Rights belong to the server on which they were given.
SELECT n.nspname::text AS schema, c.relname::text AS name,
    ARRAY(
        SELECT a.attname::text FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum
    ) AS columns,
    ARRAY(
        SELECT DISTINCT pn.nspname::text || '.' || p.relname::text
        FROM pg_constraint AS f JOIN pg_class AS p ON p.oid = f.confrelid JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
        WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> c.oid
    ) AS parents
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND (n.nspname, c.relname) <> ('ops', 'granted_rights');

-- name: data_partitions
-- Partitions and their bounds, as Postgres writes them.
SELECT pn.nspname::text AS parent_schema, p.relname::text AS parent, n.nspname::text AS schema, c.relname::text AS name,
    pg_get_expr(c.relpartbound, c.oid) AS bound
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS p ON p.oid = i.inhparent JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
WHERE c.relispartition AND c.relkind IN ('r', 'p')
ORDER BY c.oid;

-- name: data_sequences
-- Sequences of columns that gave a number out.
SELECT n.nspname::text AS schema, t.relname::text AS table, a.attname::text AS column, s.last_value
FROM pg_class AS q
JOIN pg_namespace AS qn ON qn.oid = q.relnamespace
JOIN pg_sequences AS s ON s.schemaname = qn.nspname AND s.sequencename = q.relname
JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = q.oid AND d.deptype IN ('a', 'i')
JOIN pg_class AS t ON t.oid = d.refobjid JOIN pg_namespace AS n ON n.oid = t.relnamespace
JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE q.relkind = 'S' AND s.last_value IS NOT NULL;

-- name: set_sequence
-- Let a column's sequence go on after a value.
SELECT setval(pg_get_serial_sequence(%(table)s::text, %(column)s::text), %(value)s::bigint);

-- name: drop_waiting_messages
-- Whoever was to hear them has heard them since, or would hear them as if they were new.
UPDATE ops.outbox SET state = 'dropped', detail = 'restored from a backup'
WHERE state IN ('pending', 'sending', 'uncertain');

-- name: revoke_arms
-- A permission of real money does not come back with a backup.
INSERT INTO ops.live_arm (book, account, code_hash, armed_by, armed_at, expires_at)
SELECT DISTINCT book, '', '', 'restore', 'epoch'::timestamptz, 'epoch'::timestamptz + interval '1 second' FROM ops.live_arm;

-- name: forget_codes
-- Nor does a one-time code.
DELETE FROM ops.operator_codes WHERE used_at IS NULL;

-- name: let_taps_expire
-- Nor does what waited for a tap.
UPDATE ops.bot_intents SET expires_at = created_at + interval '1 microsecond' WHERE state = 'pending';

-- name: end_asked_replays
-- Whoever asked for a replay asks again.
UPDATE ops.bot_backtests SET state = 'failed', detail = 'restored from a backup' WHERE state IN ('queued', 'running');

-- name: database_exists
-- Whether a database of that name is on the server.
SELECT EXISTS (SELECT FROM pg_database WHERE datname = %(name)s::text);

-- name: other_sessions
-- How many programs use a database.
SELECT count(*) FROM pg_stat_activity WHERE datname = %(name)s::text AND pid <> pg_backend_pid();
