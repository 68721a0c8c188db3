-- name: read_matches
-- Wash sales of a book as the newest night found them.
SELECT fill_id, loss_lot_id, lot_id, symbol, quantity, disallowed_usd, is_permanent
FROM desk.standing_wash_matches WHERE book = %(book)s::text ORDER BY fill_id, loss_lot_id, lot_id;

-- name: add_matches
-- What a night found otherwise than the one before.
INSERT INTO desk.wash_matches (book, fill_id, loss_lot_id, lot_id, revision, symbol, quantity, disallowed_usd,
                               is_permanent, found_at)
SELECT %(book)s::text, given.fill_id, given.loss_lot_id, given.lot_id,
       1 + coalesce((SELECT max(m.revision) FROM desk.wash_matches AS m
                     WHERE m.book = %(book)s::text AND m.fill_id = given.fill_id
                       AND m.loss_lot_id = given.loss_lot_id AND m.lot_id = given.lot_id), 0),
       given.symbol, given.quantity, given.disallowed_usd, given.is_permanent, %(found_at)s::timestamptz
FROM unnest(%(fill_id)s::text[], %(loss_lot_id)s::text[], %(lot_id)s::text[], %(symbol)s::text[],
            %(quantity)s::numeric[], %(disallowed_usd)s::numeric[], %(is_permanent)s::boolean[])
     AS given (fill_id, loss_lot_id, lot_id, symbol, quantity, disallowed_usd, is_permanent);

-- name: read_methods
-- How a book's sales close lots, by day, ascending.
SELECT since, method FROM desk.lot_methods WHERE book = %(book)s::text ORDER BY since;

-- name: add_method
-- From a day on lots go by another method; no row comes back if that day has one already.
INSERT INTO desk.lot_methods (book, since, method, chosen_by)
VALUES (%(book)s::text, %(since)s::date, %(method)s::text, %(chosen_by)s::text)
ON CONFLICT DO NOTHING RETURNING since;

-- name: traded_usd
-- What executions and commissions sum to in cash.
SELECT coalesce(sum(amount_usd), 0) FROM desk.cash_entries
WHERE book = %(book)s::text AND kind IN ('fill', 'commission');

-- name: cash_besides_trades
-- Dividends, cash in lieu, interest and fees of a book, oldest first.
SELECT kind, amount_usd, happened_at, coalesce(reference, '') AS reference FROM desk.cash_entries
WHERE book = %(book)s::text AND kind NOT IN ('fill', 'commission', 'deposit') ORDER BY happened_at, entry_id;
