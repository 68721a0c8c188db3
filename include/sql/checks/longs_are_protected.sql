-- Every long has one live stop and one live target, each for exactly the shares that no working exit is about to sell.
-- A symbol with a working entry is left out: its protection is sized for the whole entry until that ends. So is the
-- target of a stop that has begun to sell: the broker may have taken it away.
WITH working AS (
    SELECT book, symbol,
           coalesce(sum(quantity - filled_quantity) FILTER (WHERE purpose = 'stop'), 0) AS guarded,
           coalesce(sum(quantity - filled_quantity) FILTER (WHERE purpose = 'target'), 0) AS targeted,
           count(*) FILTER (WHERE purpose = 'stop') AS stops,
           count(*) FILTER (WHERE purpose = 'target') AS targets,
           coalesce(bool_or(filled_quantity > 0) FILTER (WHERE purpose = 'stop'), false) AS is_selling,
           coalesce(sum(quantity - filled_quantity) FILTER (WHERE purpose IN ('exit', 'rule_exit', 'trim', 'rebalance')), 0) AS leaving,
           count(*) FILTER (WHERE purpose = 'entry') AS entries
    FROM desk.orders WHERE status IN ('submitted', 'partially_filled') GROUP BY book, symbol
)
SELECT p.book, p.symbol, p.quantity AS held, coalesce(w.guarded, 0) AS guarded, coalesce(w.targeted, 0) AS targeted,
       coalesce(w.leaving, 0) AS leaving
FROM desk.positions AS p LEFT JOIN working AS w USING (book, symbol)
WHERE p.book NOT LIKE 'replay:%'
  AND coalesce(w.entries, 0) = 0
  AND (coalesce(w.guarded, 0) + coalesce(w.leaving, 0) <> p.quantity OR w.stops > 1 OR w.targets > 1
       OR (coalesce(w.targeted, 0) + coalesce(w.leaving, 0) <> p.quantity AND NOT coalesce(w.is_selling, false)))
ORDER BY p.book, p.symbol
