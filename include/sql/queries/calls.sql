-- name: lock_vendor
-- One process at a time counts a vendor's calls; whoever waits longer than `lock_ms` gives up.
SELECT set_config('lock_timeout', %(lock_ms)s::text, true),
    pg_advisory_xact_lock(hashtextextended('airdesk.calls.' || %(vendor)s::text, 0));

-- name: vendor_room
-- What a vendor's quota and circuit say now: calls of the day, spent in the month, seconds until the window has room
-- (not above 0: it has), seconds until an open circuit lets one call through, and until a probe under way is given up;
-- and when the quotas of the day and of the month begin anew.
SELECT
    (SELECT count(*) FROM ops.api_calls
     WHERE vendor = %(vendor)s::text AND called_at >= date_trunc('day', clock_timestamp(), 'UTC')) AS calls_today,
    (SELECT coalesce(sum(cost_usd), 0) FROM ops.api_calls
     WHERE vendor = %(vendor)s::text AND called_at >= date_trunc('month', clock_timestamp(), 'UTC')) AS month_usd,
    extract(epoch FROM greatest(
        (SELECT called_at + make_interval(secs => %(window_seconds)s::float) FROM ops.api_calls
         WHERE vendor = %(vendor)s::text ORDER BY called_at DESC, call_id DESC
         OFFSET %(per_window)s::int - 1 LIMIT 1),
        (SELECT max(called_at) + make_interval(secs => %(pause_seconds)s::float) FROM ops.api_calls
         WHERE vendor = %(vendor)s::text),
        (SELECT max(called_at) + make_interval(secs => %(repeat_seconds)s::float) FROM ops.api_calls
         WHERE vendor = %(vendor)s::text AND endpoint = %(endpoint)s::text
             AND called_at > clock_timestamp() - make_interval(secs => %(repeat_seconds)s::float)))
        - clock_timestamp())::float AS wait_seconds,
    (SELECT extract(epoch FROM opened_at + make_interval(secs => %(open_seconds)s::float) - clock_timestamp())::float
     FROM ops.circuits WHERE vendor = %(vendor)s::text) AS open_seconds,
    (SELECT extract(epoch FROM probed_at + make_interval(secs => %(probe_seconds)s::float) - clock_timestamp())::float
     FROM ops.circuits WHERE vendor = %(vendor)s::text) AS probe_seconds,
    date_trunc('day', clock_timestamp(), 'UTC') + interval '1 day' AS next_day_at,
    date_trunc('month', clock_timestamp(), 'UTC') + interval '1 month' AS next_month_at;

-- name: add_call
-- Take one call; if the circuit is open this is its probe.
WITH probe AS (
    UPDATE ops.circuits SET probed_at = clock_timestamp()
    WHERE vendor = %(vendor)s::text AND opened_at IS NOT NULL)
INSERT INTO ops.api_calls (vendor, endpoint, cost_usd)
VALUES (%(vendor)s::text, %(endpoint)s::text, %(cost_usd)s::numeric) RETURNING call_id;

-- name: note_call
-- Store how a call ended, and move its vendor's circuit: an outage counts up, any other end closes it.
WITH ended AS (
    UPDATE ops.api_calls SET status = %(status)s::smallint, duration_ms = %(duration_ms)s::int,
        failure = %(failure)s::text, excerpt = %(excerpt)s::text
    WHERE call_id = %(call_id)s::bigint RETURNING vendor)
INSERT INTO ops.circuits AS circuit (vendor, failures)
SELECT vendor, %(is_outage)s::boolean::int FROM ended
ON CONFLICT (vendor) DO UPDATE SET
    failures = CASE WHEN %(is_outage)s::boolean THEN circuit.failures + 1 ELSE 0 END,
    opened_at = CASE WHEN %(is_outage)s::boolean AND circuit.failures + 1 >= %(failures_to_open)s::int
        THEN clock_timestamp() END,
    probed_at = NULL;

-- name: switch_capability_off
-- Remember for the UTC day, or for each day that is left of the month, what is not to be had; the first reason stands.
INSERT INTO ops.capabilities_off (vendor, capability, off_on, reason)
SELECT %(vendor)s::text, %(capability)s::text, off_on::date, %(reason)s::text
FROM date_trunc('day', clock_timestamp() AT TIME ZONE 'UTC') AS today,
    generate_series(today, CASE WHEN %(is_for_month)s::boolean
        THEN date_trunc('month', today) + interval '1 month - 1 day' ELSE today END, interval '1 day') AS off_on
ON CONFLICT DO NOTHING;

-- name: capability_off
-- Why a capability is off today.
SELECT reason FROM ops.capabilities_off
WHERE vendor = %(vendor)s::text AND capability = %(capability)s::text
    AND off_on = (clock_timestamp() AT TIME ZONE 'UTC')::date;

-- name: vendor_usage
-- What was used of a vendor, and when an open circuit lets one call through.
SELECT
    (SELECT count(*) FROM ops.api_calls
     WHERE vendor = %(vendor)s::text AND called_at >= date_trunc('day', clock_timestamp(), 'UTC')) AS calls_today,
    (SELECT coalesce(sum(cost_usd), 0) FROM ops.api_calls
     WHERE vendor = %(vendor)s::text AND called_at >= date_trunc('month', clock_timestamp(), 'UTC')) AS month_usd,
    coalesce((SELECT failures FROM ops.circuits WHERE vendor = %(vendor)s::text), 0) AS failures_in_a_row,
    (SELECT opened_at + make_interval(secs => %(open_seconds)s::float)
     FROM ops.circuits WHERE vendor = %(vendor)s::text) AS resumes_at;

-- name: claim_probe
-- Take the day's probe of a vendor's plan, if nobody has; a failed one is not tried again before the next day.
INSERT INTO ops.plan_probes (vendor, probed_on)
VALUES (%(vendor)s::text, (clock_timestamp() AT TIME ZONE 'UTC')::date)
ON CONFLICT DO NOTHING RETURNING true;

-- name: note_probe
-- Store what the day's probe found.
UPDATE ops.plan_probes SET told = %(told)s::text, told_at = clock_timestamp()
WHERE vendor = %(vendor)s::text AND probed_on = (clock_timestamp() AT TIME ZONE 'UTC')::date;

-- name: newest_probe
-- The newest probe of a vendor that found something, and how long ago that was.
SELECT told, told_at, clock_timestamp() - told_at AS age FROM ops.plan_probes
WHERE vendor = %(vendor)s::text AND told IS NOT NULL ORDER BY probed_on DESC LIMIT 1;
