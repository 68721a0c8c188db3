-- name: book_marks
-- The last mark of each session, or that of every hour, oldest first.
SELECT as_of, session_on, is_closing, nav_usd, cash_usd::float8 AS cash_usd
FROM (
    SELECT as_of, session_on, is_closing, nav_usd, cash_usd,
           lead(session_on) OVER (ORDER BY as_of) IS DISTINCT FROM session_on AS is_last
    FROM desk.nav
    WHERE book = %(book)s::text
      AND (%(first_on)s::date IS NULL OR session_on >= %(first_on)s::date)
      AND (%(last_on)s::date IS NULL OR session_on <= %(last_on)s::date)
) AS marks
WHERE is_last OR %(is_hourly)s::boolean
ORDER BY as_of;

-- name: cash_moves
-- Everything that moved cash, oldest first.
SELECT kind, amount_usd, happened_at, reference
FROM desk.cash_entries WHERE book = %(book)s::text ORDER BY happened_at, entry_id;

-- name: sale_causes
-- Why each sale was ordered.
SELECT f.fill_id, coalesce(o.cause, o.purpose) AS cause
FROM desk.standing_fills AS f JOIN desk.orders AS o USING (order_id)
WHERE f.book = %(book)s::text AND f.side = 'SELL';

-- name: decisions_between
-- The decisions of a stretch of sessions, oldest first.
SELECT decision_id, book, kind, as_of, cutoff_at, session_on, is_closing, strategy, spec_hash, code_version,
       decision_hash, nav_usd, note
FROM desk.decisions
WHERE book = %(book)s::text AND session_on BETWEEN %(first_on)s::date AND %(last_on)s::date ORDER BY as_of, kind;

-- name: orders_between
-- The legs that the decisions of a stretch of sessions planned, oldest first.
SELECT o.* FROM desk.orders AS o JOIN desk.decisions AS d USING (decision_id)
WHERE d.book = %(book)s::text AND d.session_on BETWEEN %(first_on)s::date AND %(last_on)s::date
ORDER BY o.planned_at, o.symbol, o.leg, o.order_id;

-- name: blockers_between
-- How many symbol-hours each rule stood against an entry, and in how many it was the only one.
SELECT rule, count(*) AS hours, count(*) FILTER (WHERE against = 1) AS alone
FROM (
    SELECT r.rule, count(*) OVER (PARTITION BY r.decision_id, r.symbol) AS against
    FROM desk.reasons AS r JOIN desk.decisions AS d USING (decision_id)
    WHERE d.book = %(book)s::text AND d.kind = 'hourly' AND NOT d.is_closing
      AND d.session_on BETWEEN %(first_on)s::date AND %(last_on)s::date
      AND (r.role = 'entry_required' AND r.outcome <> 'PASS' OR r.role = 'entry_optional' AND r.outcome = 'FAIL'
           OR r.role = 'block' AND r.outcome <> 'FAIL')
) AS standing
GROUP BY rule ORDER BY alone DESC, hours DESC, rule;

-- name: comparisons_between
-- The comparisons with the broker of a stretch of sessions, oldest first.
SELECT kind, session_on, happened_at, is_clean, lets_trade
FROM ops.reconciliations
WHERE book = %(book)s::text AND session_on BETWEEN %(first_on)s::date AND %(last_on)s::date
ORDER BY happened_at, reconciliation_id;

-- name: newest_statement
-- Which days the broker's newest statement covers, and when it was fetched.
SELECT from_on, to_on, fetched_at FROM staging.statements
WHERE book = %(book)s::text ORDER BY to_on DESC, statement_id DESC LIMIT 1;
