-- Every long has one live stop for exactly the shares that no working exit is about to sell.
-- A symbol with a working entry is left out: its protection is sized for the whole entry until that ends.
WITH working AS (
    SELECT book, symbol,
           coalesce(sum(quantity - filled_quantity) FILTER (WHERE purpose = 'stop'), 0) AS guarded,
           count(*) FILTER (WHERE purpose = 'stop') AS stops,
           coalesce(sum(quantity - filled_quantity) FILTER (WHERE purpose IN ('exit', 'trim')), 0) AS leaving,
           count(*) FILTER (WHERE purpose = 'entry') AS entries
    FROM desk.orders WHERE status IN ('submitted', 'partially_filled') GROUP BY book, symbol
)
SELECT p.book, p.symbol, p.quantity AS held, coalesce(w.guarded, 0) AS guarded, coalesce(w.leaving, 0) AS leaving
FROM desk.positions AS p LEFT JOIN working AS w USING (book, symbol)
WHERE p.book NOT LIKE 'replay:%'
  AND coalesce(w.entries, 0) = 0
  AND (coalesce(w.guarded, 0) + coalesce(w.leaving, 0) <> p.quantity OR coalesce(w.stops, 0) > 1)
ORDER BY p.book, p.symbol
