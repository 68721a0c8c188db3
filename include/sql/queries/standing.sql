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
