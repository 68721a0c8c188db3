-- name: described_columns
-- Every column of our tables and views with the comments on both; partitions look like their parent and are left out.
SELECT n.nspname AS schema, c.relname AS relation, c.relkind::text AS kind,
       coalesce(obj_description(c.oid, 'pg_class'), '') AS relation_told, a.attname AS name,
       CASE format_type(a.atttypid, NULL)
           WHEN 'timestamp with time zone' THEN 'timestamptz'
           ELSE format_type(a.atttypid, NULL)
       END AS type,
       NOT a.attnotnull AND c.relkind <> 'v' AS is_nullable, coalesce(col_description(c.oid, a.attnum), '') AS told
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname IN ('staging', 'market', 'analysis', 'desk', 'ops', 'public')
  AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
ORDER BY n.nspname, c.relname, a.attnum;
