-- name: keep_state
-- Keep the book after a session's last work; later work replaces it.
INSERT INTO desk.session_states (book, session_on, cutoff_at, state)
VALUES (%(book)s::text, %(session_on)s::date, %(cutoff_at)s::timestamptz, %(state)s::jsonb)
ON CONFLICT (book, session_on) DO UPDATE SET cutoff_at = excluded.cutoff_at, state = excluded.state;

-- name: state_before
-- The youngest state that was kept before a session.
SELECT session_on, cutoff_at, state FROM desk.session_states
WHERE book = %(book)s::text AND session_on < %(session_on)s::date ORDER BY session_on DESC LIMIT 1;

-- name: has_state
-- Whether a book was kept after a session.
SELECT EXISTS (SELECT FROM desk.session_states WHERE book = %(book)s::text AND session_on = %(session_on)s::date);

-- name: opening_cash
-- What a book was opened with and got from outside until an instant.
SELECT coalesce(sum(amount_usd), 0) FROM desk.cash_entries
WHERE book = %(book)s::text AND kind = 'deposit' AND happened_at <= %(until)s::timestamptz;

-- name: read_targets
-- The target weights of a decision.
SELECT symbol, weight_frac FROM desk.targets WHERE decision_id = %(decision_id)s::text ORDER BY symbol;

-- name: acts_by_hand
-- What moved a book besides its hours: decisions of people, rebalances that ordered something, and states set by hand.
SELECT d.kind || ' decision: ' || d.note AS what FROM desk.decisions d
WHERE d.book = %(book)s::text AND d.session_on = %(session_on)s::date
  AND (d.kind = 'operator'
       OR (d.kind = 'rebalance' AND EXISTS (SELECT FROM desk.orders o WHERE o.decision_id = d.decision_id)))
UNION ALL
SELECT 'state ' || state || ' by ' || actor || ': ' || reason FROM ops.controls
WHERE book = %(book)s::text AND actor LIKE '%%:%%'
  AND happened_at >= %(first_at)s::timestamptz AND happened_at < %(until)s::timestamptz
UNION ALL
SELECT symbol || CASE WHEN is_restricted THEN ' restricted' ELSE ' unrestricted' END || ' by ' || actor || ': ' || reason
FROM ops.restrictions
WHERE book = %(book)s::text
  AND happened_at >= %(first_at)s::timestamptz AND happened_at < %(until)s::timestamptz;

-- name: save_day
-- Store how a day compares with its replay, replacing an earlier comparison.
INSERT INTO desk.parity_days (book, session_on, outcome, summary, decisions, decisions_equal, orders, orders_equal, fills,
                              fills_equal, shortfall_usd, shortfall_bps, nav_usd, replay_nav_usd, code_version, detail)
VALUES (%(book)s::text, %(session_on)s::date, %(outcome)s::text, %(summary)s::text, %(decisions)s::int,
        %(decisions_equal)s::int, %(orders)s::int, %(orders_equal)s::int, %(fills)s::int, %(fills_equal)s::int,
        %(shortfall_usd)s::numeric, %(shortfall_bps)s::float8, %(nav_usd)s::float8, %(replay_nav_usd)s::float8,
        %(code_version)s::text, %(detail)s::jsonb)
ON CONFLICT (book, session_on) DO UPDATE SET
    outcome = excluded.outcome, summary = excluded.summary, decisions = excluded.decisions,
    decisions_equal = excluded.decisions_equal, orders = excluded.orders, orders_equal = excluded.orders_equal,
    fills = excluded.fills, fills_equal = excluded.fills_equal, shortfall_usd = excluded.shortfall_usd,
    shortfall_bps = excluded.shortfall_bps, nav_usd = excluded.nav_usd, replay_nav_usd = excluded.replay_nav_usd,
    code_version = excluded.code_version, detail = excluded.detail, compared_at = excluded.compared_at;

-- name: parity_days
-- Stored comparisons, youngest first.
SELECT detail FROM desk.parity_days WHERE book = %(book)s::text ORDER BY session_on DESC LIMIT %(limit)s::bigint;
