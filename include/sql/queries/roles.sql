-- name: may_make_roles
-- Whether this login may create roles.
SELECT rolsuper OR rolcreaterole AS may FROM pg_roles WHERE rolname = current_user;

-- name: roles_present
-- Which of the named roles exist.
SELECT rolname FROM pg_roles WHERE rolname = ANY (%(names)s::text[]);

-- name: login_limits
-- What the sessions of a login begin with, and how many it may have; -1 for any number.
SELECT rolconfig AS settings, rolconnlimit AS connections FROM pg_roles WHERE rolname = %(login)s::text;

-- name: our_schemas
-- Every schema of ours.
SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1;

-- name: our_tables
-- Every table and view of ours.
SELECT n.nspname || '.' || c.relname AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v');

-- name: granted_rights
-- Digest of the rights that were given out last; no row before the first time.
SELECT checksum FROM ops.granted_rights;

-- name: note_granted_rights
-- Remember which rights were given out.
INSERT INTO ops.granted_rights (checksum) VALUES (%(checksum)s::text)
ON CONFLICT (is_only) DO UPDATE SET checksum = excluded.checksum, granted_at = clock_timestamp();

-- name: airflow_objects
-- What belongs to somebody else in Airflow's database, as the statements that hand it over.
SELECT format('ALTER %%s %%I.%%I OWNER TO %%I',
              CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
              n.nspname, c.relname, %(owner)s::text) AS statement
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_roles AS r ON r.oid = c.relowner
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'S') AND r.rolname <> %(owner)s::text
  -- The sequence of a column goes with its table.
  AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND c.relkind = 'S')
UNION ALL
SELECT format('ALTER TYPE %%I.%%I OWNER TO %%I', n.nspname, t.typname, %(owner)s::text)
FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace JOIN pg_roles AS r ON r.oid = t.typowner
WHERE n.nspname = 'public' AND t.typtype IN ('e', 'd') AND r.rolname <> %(owner)s::text;

-- name: login_rights
-- What the login of this session may do beyond a desk's work.
SELECT current_user AS login, r.rolsuper AS is_superuser, r.rolcreaterole OR r.rolcreatedb AS makes_roles,
       has_schema_privilege('desk', 'CREATE') AS makes_tables,
       has_table_privilege('desk.cash_entries', 'UPDATE') OR has_table_privilege('desk.fills', 'DELETE') AS rewrites,
       has_table_privilege('desk.decisions', 'INSERT') AS writes
FROM pg_roles AS r WHERE r.rolname = current_user;
