-- name: lock_migrations
-- Let one process at a time migrate; the lock ends with the session.
SELECT pg_advisory_lock(hashtextextended('airdesk.migrations', 0));

-- name: create_migrations_table
-- What was applied, with the checksum of the text at that time.
CREATE TABLE IF NOT EXISTS public.airdesk_migrations (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- name: has_migrations_table
-- Whether anything was ever applied; a login that may only read can ask this.
SELECT to_regclass('public.airdesk_migrations') IS NOT NULL;

-- name: applied_migrations
-- Applied files and their checksums.
SELECT name, checksum FROM public.airdesk_migrations;

-- name: record_migration
-- Remember a file in the transaction that applied it.
INSERT INTO public.airdesk_migrations (name, checksum) VALUES (%(name)s, %(checksum)s);

-- name: database_facts
-- What a person wants to know of the server and of this database; `since` is when its first migration was applied.
SELECT current_setting('server_version') AS version, current_setting('server_encoding') AS encoding,
    current_setting('TimeZone') AS time_zone, pg_database_size(current_database()) AS size_bytes,
    clock_timestamp() AS now, (SELECT min(applied_at) FROM public.airdesk_migrations) AS since;
