-- Cash entries of kind fill and commission equal what the executions cost; deposits, dividends and fees are beside it.
WITH traded AS (
    SELECT book,
           sum(CASE side WHEN 'BUY' THEN -quantity * price ELSE quantity * price END)
               - sum(coalesce(commission_usd, 0)) AS amount_usd
    FROM desk.standing_fills GROUP BY book
), booked AS (
    SELECT book, sum(amount_usd) AS amount_usd
    FROM desk.cash_entries WHERE kind IN ('fill', 'commission') GROUP BY book
)
SELECT book, coalesce(traded.amount_usd, 0) AS by_fills_usd, coalesce(booked.amount_usd, 0) AS by_entries_usd
FROM traded FULL JOIN booked USING (book)
WHERE book NOT LIKE 'replay:%'
  AND abs(coalesce(traded.amount_usd, 0) - coalesce(booked.amount_usd, 0)) > 0.01
ORDER BY book
