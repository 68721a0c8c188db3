-- name: add_book
-- Open a book once; no row comes back if it is open.
INSERT INTO desk.books (book, kind, opened_at, strategy, spec_hash)
VALUES (%(book)s::text, %(kind)s::text, %(opened_at)s::timestamptz, %(strategy)s::text, %(spec_hash)s::text)
ON CONFLICT DO NOTHING RETURNING book;

-- name: read_books
-- Every book, oldest first.
SELECT book FROM desk.books ORDER BY opened_at, book;

-- name: lock_book
-- Let one transaction at a time book into a ledger.
SELECT book FROM desk.books WHERE book = %(book)s::text FOR NO KEY UPDATE;

-- name: cash
-- What the cash entries sum to.
SELECT coalesce(sum(amount_usd), 0) FROM desk.cash_entries WHERE book = %(book)s::text;

-- name: add_cash
-- Book a cash movement once.
INSERT INTO desk.cash_entries (entry_id, book, kind, amount_usd, happened_at, reference)
VALUES (%(entry_id)s::text, %(book)s::text, %(kind)s::text, %(amount_usd)s::numeric, %(happened_at)s::timestamptz,
        %(reference)s::text)
ON CONFLICT DO NOTHING RETURNING entry_id;

-- name: open_lots
-- Open lots, of one symbol or of all, oldest first.
SELECT lot_id, book, symbol, quantity, cost_per_share, wash_adjustment_usd, acquired_on, holding_starts_on, fill_id
FROM desk.lots
WHERE book = %(book)s::text AND closed_at IS NULL AND (%(symbol)s::text IS NULL OR symbol = %(symbol)s::text)
ORDER BY symbol, acquired_on, lot_id;

-- name: high_waters
-- High-water price of the newest mark of each symbol whose oldest open lot was already held at that mark.
SELECT held.symbol, mark.high_water_price
FROM (
    SELECT l.symbol, min(coalesce(f.executed_at, l.acquired_on::timestamptz)) AS opened_at
    FROM desk.lots AS l LEFT JOIN desk.fills AS f USING (book, fill_id)
    WHERE l.book = %(book)s::text AND l.closed_at IS NULL
    GROUP BY l.symbol
) AS held
CROSS JOIN LATERAL (
    SELECT m.as_of, m.high_water_price FROM desk.marks AS m
    WHERE m.book = %(book)s::text AND m.symbol = held.symbol
    ORDER BY m.as_of DESC LIMIT 1
) AS mark
WHERE held.opened_at <= mark.as_of;

-- name: add_fill
-- Store an execution once.
INSERT INTO desk.fills (fill_id, book, order_id, symbol, side, quantity, price, commission_usd, executed_at)
VALUES (%(fill_id)s::text, %(book)s::text, %(order_id)s::text, %(symbol)s::text, %(side)s::text,
        %(quantity)s::numeric, %(price)s::numeric, %(commission_usd)s::numeric, %(executed_at)s::timestamptz)
ON CONFLICT DO NOTHING RETURNING fill_id;

-- name: add_correction
-- The broker replaced an execution: the old one stays and no longer counts.
INSERT INTO desk.fill_corrections (book, fill_id, corrected_by)
VALUES (%(book)s::text, %(fill_id)s::text, %(corrected_by)s::text);

-- name: put_lots
-- New lots, and open ones with what is left of them.
INSERT INTO desk.lots (lot_id, book, symbol, quantity, cost_per_share, wash_adjustment_usd, acquired_on,
                       holding_starts_on, fill_id)
SELECT given.lot_id, %(book)s::text, %(symbol)s::text, given.quantity, given.cost_per_share,
       given.wash_adjustment_usd, given.acquired_on, given.holding_starts_on, given.fill_id
FROM unnest(%(lot_id)s::text[], %(quantity)s::numeric[], %(cost_per_share)s::numeric[],
            %(wash_adjustment_usd)s::numeric[], %(acquired_on)s::date[], %(holding_starts_on)s::date[],
            %(fill_id)s::text[])
     AS given (lot_id, quantity, cost_per_share, wash_adjustment_usd, acquired_on, holding_starts_on, fill_id)
ON CONFLICT (book, lot_id) DO UPDATE
SET quantity = excluded.quantity, cost_per_share = excluded.cost_per_share,
    wash_adjustment_usd = excluded.wash_adjustment_usd, holding_starts_on = excluded.holding_starts_on;

-- name: close_lots
-- Lots that are no longer open keep their last quantity and get the instant.
UPDATE desk.lots SET closed_at = %(closed_at)s::timestamptz
WHERE book = %(book)s::text AND symbol = %(symbol)s::text AND closed_at IS NULL
  AND lot_id <> ALL (%(lot_id)s::text[]);

-- name: add_disposals
-- What a sale closed.
INSERT INTO desk.disposals (disposal_id, book, lot_id, fill_id, symbol, quantity, proceeds_usd, basis_usd,
                            disallowed_loss_usd, acquired_on, disposed_on, term)
SELECT * FROM unnest(
    %(disposal_id)s::text[], %(book)s::text[], %(lot_id)s::text[], %(fill_id)s::text[], %(symbol)s::text[],
    %(quantity)s::numeric[], %(proceeds_usd)s::numeric[], %(basis_usd)s::numeric[],
    %(disallowed_loss_usd)s::numeric[], %(acquired_on)s::date[], %(disposed_on)s::date[], %(term)s::text[]);

-- name: fill_in_commission
-- A commission that came late; no row comes back if it was known.
UPDATE desk.fills SET commission_usd = %(commission_usd)s::numeric
WHERE book = %(book)s::text AND fill_id = %(fill_id)s::text AND commission_usd IS NULL
RETURNING executed_at;

-- name: has_fill
-- Whether an execution is booked.
SELECT EXISTS (SELECT FROM desk.fills WHERE book = %(book)s::text AND fill_id = %(fill_id)s::text);

-- name: read_fills
-- Executions, oldest first; with a limit the newest ones.
SELECT * FROM (
    SELECT fill_id, order_id, book, symbol, side, quantity, price, commission_usd, executed_at
    FROM desk.standing_fills WHERE book = %(book)s::text
    ORDER BY executed_at DESC, fill_id DESC LIMIT %(limit)s::bigint
) AS newest ORDER BY executed_at, fill_id;

-- name: read_disposals
-- Disposals, oldest first.
SELECT disposal_id, lot_id, fill_id, book, symbol, quantity, proceeds_usd, basis_usd, disallowed_loss_usd,
       acquired_on, disposed_on, term
FROM desk.standing_disposals WHERE book = %(book)s::text ORDER BY disposed_on, disposal_id;

-- name: add_nav
-- NAV of a slot; no row comes back if the slot has one.
INSERT INTO desk.nav (book, as_of, session_on, is_closing, cash_usd, positions_usd, nav_usd, peak_nav_usd,
                      lifetime_peak_usd, tripped_on, sessions_since_trip)
VALUES (%(book)s::text, %(as_of)s::timestamptz, %(session_on)s::date, %(is_closing)s::boolean, %(cash_usd)s::numeric,
        %(positions_usd)s::float8, %(nav_usd)s::float8, %(peak_nav_usd)s::float8, %(lifetime_peak_usd)s::float8,
        %(tripped_on)s::date, %(sessions_since_trip)s::int)
ON CONFLICT DO NOTHING RETURNING as_of;

-- name: add_marks
-- What each position was worth at a slot.
INSERT INTO desk.marks (book, as_of, symbol, quantity, price, high_water_price)
SELECT %(book)s::text, %(as_of)s::timestamptz, given.* FROM unnest(
    %(symbol)s::text[], %(quantity)s::numeric[], %(price)s::float8[], %(high_water_price)s::float8[]) AS given;

-- name: read_navs
-- NAV rows, oldest first; with a limit the youngest ones.
SELECT * FROM (
    SELECT as_of, session_on, is_closing, cash_usd, positions_usd, nav_usd, peak_nav_usd, lifetime_peak_usd,
           tripped_on, sessions_since_trip
    FROM desk.nav WHERE book = %(book)s::text ORDER BY as_of DESC LIMIT %(limit)s::bigint
) AS youngest ORDER BY as_of;

-- name: nav_at
-- The NAV row of one slot.
SELECT as_of, session_on, is_closing, cash_usd, positions_usd, nav_usd, peak_nav_usd, lifetime_peak_usd, tripped_on,
       sessions_since_trip
FROM desk.nav WHERE book = %(book)s::text AND as_of = %(as_of)s::timestamptz;

-- name: marks_at
-- What each position was worth at a slot.
SELECT symbol, quantity, price, high_water_price
FROM desk.marks WHERE book = %(book)s::text AND as_of = %(as_of)s::timestamptz ORDER BY symbol;

-- name: due_actions
-- Splits and dividends, known at the cutoff, of what a book held on their ex-date and has not taken over.
-- One that prices do not bear out is left alone.
SELECT a.symbol, a.kind, a.ex_on, a.value, a.source, a.known_at
FROM market.actions_known(%(cutoff_at)s::timestamptz) AS a
WHERE a.state = 'confirmed' AND a.ex_on <= %(until_on)s::date
  AND EXISTS (
      SELECT FROM desk.lots AS l
      WHERE l.book = %(book)s::text AND l.symbol = a.symbol AND l.acquired_on < a.ex_on
        AND (l.closed_at IS NULL OR l.closed_at::date >= a.ex_on))
  AND NOT EXISTS (
      SELECT FROM desk.applied_actions AS d
      WHERE d.book = %(book)s::text AND (d.symbol, d.kind, d.ex_on) = (a.symbol, a.kind, a.ex_on))
ORDER BY a.ex_on, a.symbol, a.kind;

-- name: apply_action
-- A split or dividend that a book takes over, once.
INSERT INTO desk.applied_actions (book, symbol, kind, ex_on, value, applied_at)
VALUES (%(book)s::text, %(symbol)s::text, %(kind)s::text, %(ex_on)s::date, %(value)s::float8,
        %(applied_at)s::timestamptz)
ON CONFLICT DO NOTHING RETURNING symbol;

-- name: splits_on
-- Splits with that ex-date that a book took over.
SELECT symbol, value FROM desk.applied_actions
WHERE book = %(book)s::text AND kind = 'split' AND ex_on = %(ex_on)s::date;

-- name: read_splits
-- Every split that a book took over, ascending.
SELECT symbol, ex_on, value FROM desk.applied_actions
WHERE book = %(book)s::text AND kind = 'split' ORDER BY ex_on, symbol;

-- name: rebased_on
-- The youngest split of each symbol that a book took over.
SELECT symbol, max(ex_on) AS ex_on FROM desk.applied_actions
WHERE book = %(book)s::text AND kind = 'split' GROUP BY symbol;

-- name: split_high_water
-- The newest mark is the memory of the high-water price: move it to the new share basis.
UPDATE desk.marks SET high_water_price = high_water_price / %(ratio)s::float8
WHERE book = %(book)s::text AND symbol = %(symbol)s::text
  AND as_of = (SELECT max(as_of) FROM desk.marks WHERE book = %(book)s::text AND symbol = %(symbol)s::text);

-- name: move_orders
-- Working orders on a new share basis.
UPDATE desk.orders AS o
SET quantity = given.quantity, limit_price = given.limit_price, stop_price = given.stop_price
FROM unnest(%(order_id)s::text[], %(quantity)s::numeric[], %(limit_price)s::numeric[], %(stop_price)s::numeric[])
     AS given (order_id, quantity, limit_price, stop_price)
WHERE o.order_id = given.order_id;
