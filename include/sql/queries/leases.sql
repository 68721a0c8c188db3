-- name: name_session
-- Name this session after the program, so that another copy can say who holds the lease.
SELECT set_config('application_name', %(name)s::text, false);

-- name: try_lease
-- Take a lease until this session ends; false if another session holds it.
SELECT pg_try_advisory_lock(hashtextextended('airdesk.lease.' || %(name)s::text, 0));

-- name: lease_holder
-- The session that holds a lease.
SELECT activity.application_name AS holder, activity.backend_start AS since
FROM pg_locks AS held JOIN pg_stat_activity AS activity USING (pid)
WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
  AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (held.classid::bigint << 32 | held.objid::bigint)
    = hashtextextended('airdesk.lease.' || %(name)s::text, 0);

-- name: is_here
-- Whether this session still exists.
SELECT true;
