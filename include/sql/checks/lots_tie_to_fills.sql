-- Shares bought less shares sold equal the shares in open lots, and every share sold left a lot.
-- Lots are on today's share basis, executions are as traded: a symbol that split since the book opened is left to the
-- reconciliation, which compares shares with the broker's.
WITH traded AS (
    SELECT book, symbol,
           coalesce(sum(quantity) FILTER (WHERE side = 'BUY'), 0) AS bought,
           coalesce(sum(quantity) FILTER (WHERE side = 'SELL'), 0) AS sold
    FROM desk.standing_fills GROUP BY book, symbol
), held AS (
    SELECT book, symbol, sum(quantity) AS held FROM desk.lots WHERE closed_at IS NULL GROUP BY book, symbol
), disposed AS (
    SELECT book, symbol, sum(quantity) AS disposed FROM desk.standing_disposals GROUP BY book, symbol
), tied AS (
    SELECT book, symbol, coalesce(bought, 0) AS bought, coalesce(sold, 0) AS sold,
           coalesce(held, 0) AS held, coalesce(disposed, 0) AS disposed
    FROM traded FULL JOIN held USING (book, symbol) FULL JOIN disposed USING (book, symbol)
)
SELECT t.book, t.symbol, t.bought, t.sold, t.held, t.disposed
FROM tied AS t JOIN desk.books AS b ON b.book = t.book
WHERE b.kind <> 'replay'
  AND (t.bought - t.sold <> t.held OR t.sold <> t.disposed)
  AND NOT EXISTS (
      SELECT FROM market.corporate_actions AS a
      WHERE a.kind = 'split' AND a.symbol = t.symbol AND a.ex_on >= b.opened_at::date)
ORDER BY t.book, t.symbol
