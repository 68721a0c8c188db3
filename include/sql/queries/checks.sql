-- name: add_denials
-- Keep each "no" to an order with its numbers, once per stage and code.
INSERT INTO desk.denials (order_id, stage, code, observed, threshold, detail, happened_at)
SELECT %(order_id)s::text, %(stage)s::text, given.*, %(happened_at)s::timestamptz FROM unnest(
    %(code)s::text[], %(observed)s::float8[], %(threshold)s::float8[], %(detail)s::text[]) AS given
ON CONFLICT (order_id, stage, code) DO NOTHING;

-- name: read_denials
-- What stands against these orders.
SELECT order_id, stage, code, observed, threshold, detail, happened_at FROM desk.denials
WHERE order_id = ANY (%(order_ids)s::text[]) ORDER BY denial_id;

-- name: sent_since
-- Orders, protections left out, that got their ids since then.
SELECT count(DISTINCT o.order_id) FROM desk.orders AS o JOIN desk.order_events AS e USING (order_id)
WHERE o.book = %(book)s::text AND o.purpose NOT IN ('stop', 'target') AND e.status = 'reserved'
  AND e.happened_at >= %(since)s::timestamptz;

-- name: rejected_entries
-- Entries that the broker refused in a session.
SELECT DISTINCT ON (o.symbol) o.symbol, coalesce(o.detail, 'no reason given') AS why
FROM desk.orders AS o JOIN desk.decisions AS d USING (decision_id)
WHERE o.book = %(book)s::text AND d.session_on = %(session_on)s::date AND o.purpose = 'entry'
  AND o.status = 'rejected'
ORDER BY o.symbol, o.planned_at DESC;

-- name: traded_usd
-- Bought and sold on one day, UTC: a session never crosses midnight there.
SELECT coalesce(sum(quantity * price), 0)::float8 FROM desk.fills
WHERE book = %(book)s::text AND (executed_at AT TIME ZONE 'UTC')::date = %(traded_on)s::date;

-- name: closing_nav
-- NAV at the last hour of a session before that day in which it was known.
SELECT nav_usd FROM desk.nav WHERE book = %(book)s::text AND session_on < %(before_on)s::date
ORDER BY as_of DESC LIMIT 1;

-- name: read_stops
-- Stops that sold a position since a day, protections at the broker and the desk's own, by the day of their last fill.
SELECT o.symbol, max((f.executed_at AT TIME ZONE 'UTC')::date) AS stopped_on, o.order_id
FROM desk.standing_fills AS f JOIN desk.orders AS o USING (order_id)
WHERE f.book = %(book)s::text AND (o.purpose = 'stop' OR o.cause = 'software_stop')
GROUP BY o.symbol, o.order_id
HAVING max((f.executed_at AT TIME ZONE 'UTC')::date) >= %(since_on)s::date
ORDER BY stopped_on, o.order_id;
