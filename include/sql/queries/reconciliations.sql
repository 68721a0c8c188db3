-- name: lock_reconciliations
-- Let one comparison of a book file its breaks at a time.
SELECT pg_advisory_xact_lock(hashtextextended('airdesk.reconciliations.' || %(book)s::text, 0));

-- name: add_reconciliation
-- Store what a comparison found.
INSERT INTO ops.reconciliations (book, session_on, happened_at, is_clean, lets_trade, detail, kind, code_hash)
VALUES (%(book)s::text, %(session_on)s::date, %(at)s::timestamptz, %(is_clean)s::boolean, %(lets_trade)s::boolean,
        %(detail)s::jsonb, %(kind)s::text, %(code_hash)s::text)
RETURNING reconciliation_id;

-- name: see_break
-- Open a break, or see an open one again: it keeps its row and its age.
INSERT INTO ops.breaks (reconciliation_id, book, kind, symbol, ours, theirs, break_key, reference, quantity, cash_usd,
                        price, commission_usd, executed_at, first_seen_at, last_seen_at)
VALUES (%(reconciliation_id)s::bigint, %(book)s::text, %(kind)s::text, %(symbol)s::text, %(ours)s::text,
        %(theirs)s::text, %(break_key)s::text, %(reference)s::text, %(quantity)s::numeric, %(cash_usd)s::numeric,
        %(price)s::numeric, %(commission_usd)s::numeric, %(executed_at)s::timestamptz, %(at)s::timestamptz,
        %(at)s::timestamptz)
ON CONFLICT (book, break_key) WHERE closed_at IS NULL AND break_key IS NOT NULL DO UPDATE
SET ours = excluded.ours, theirs = excluded.theirs, quantity = excluded.quantity, cash_usd = excluded.cash_usd,
    price = excluded.price, commission_usd = excluded.commission_usd, executed_at = excluded.executed_at,
    last_seen_at = greatest(breaks.last_seen_at, excluded.last_seen_at)
RETURNING *, xmax = 0 AS is_new;

-- name: close_gone
-- Close the breaks of the compared kinds that were not seen any more.
UPDATE ops.breaks
SET closed_at = greatest(%(at)s::timestamptz, first_seen_at), resolution = 'gone', resolved_by = 'reconciliation'
WHERE book = %(book)s::text AND closed_at IS NULL AND kind = ANY (%(compared)s::text[])
  AND coalesce(break_key, '') <> ALL (%(seen)s::text[]);

-- name: gating_break
-- The oldest open break that keeps entries waiting.
SELECT * FROM ops.breaks
WHERE book = %(book)s::text AND closed_at IS NULL AND kind = ANY (%(kinds)s::text[])
ORDER BY first_seen_at, break_id LIMIT 1;

-- name: last_clean
-- When the newest comparison was made that found nothing which keeps entries waiting.
SELECT max(happened_at) FROM ops.reconciliations WHERE book = %(book)s::text AND lets_trade AND kind <> 'statement';

-- name: clean_sessions
-- Sessions whose newest nightly comparison was clean and made by this code.
SELECT count(*) FROM (
    SELECT DISTINCT ON (session_on) is_clean, code_hash FROM ops.reconciliations
    WHERE book = %(book)s::text AND kind = 'nightly' ORDER BY session_on, reconciliation_id DESC) AS newest
WHERE is_clean AND code_hash = %(code_hash)s::text;

-- name: open_breaks
-- Open breaks, oldest first.
SELECT * FROM ops.breaks WHERE book = %(book)s::text AND closed_at IS NULL ORDER BY first_seen_at, break_id;

-- name: closed_breaks
-- Closed breaks, youngest first.
SELECT * FROM ops.breaks WHERE book = %(book)s::text AND closed_at IS NOT NULL ORDER BY closed_at DESC, break_id DESC;

-- name: break_by_id
-- One break.
SELECT * FROM ops.breaks WHERE break_id = %(break_id)s::bigint;

-- name: close_break
-- Close a break with an explanation.
UPDATE ops.breaks
SET closed_at = clock_timestamp(), resolution = %(resolution)s::text, resolved_by = %(actor)s::text
WHERE break_id = %(break_id)s::bigint AND closed_at IS NULL;

-- name: opened_at
-- When the book was opened with the cash that the broker showed.
SELECT opened_at FROM desk.books WHERE book = %(book)s::text;

-- name: order_of_perm
-- The order of a book that the broker knows under a permanent id.
SELECT order_id FROM desk.orders WHERE book = %(book)s::text AND broker_order_id = %(perm_id)s::bigint
ORDER BY planned_at DESC LIMIT 1;

-- name: read_externals
-- What is outside the book, oldest first.
SELECT reference, symbol, quantity, cash_usd, counted_at FROM ops.externals
WHERE book = %(book)s::text ORDER BY adopted_at, reference;

-- name: add_external
-- Take foreign activity out of all comparisons, once.
INSERT INTO ops.externals (book, reference, symbol, quantity, cash_usd, counted_at, reason, actor)
VALUES (%(book)s::text, %(reference)s::text, %(symbol)s::text, %(quantity)s::numeric, %(cash_usd)s::numeric,
        %(counted_at)s::timestamptz, %(reason)s::text, %(actor)s::text)
ON CONFLICT DO NOTHING;

-- name: dividends_due
-- Dividends counted on their ex-date that no item of a statement refers to.
SELECT d.entry_id, d.reference AS symbol, d.amount_usd, d.happened_at FROM desk.cash_entries AS d
WHERE d.book = %(book)s::text AND d.kind = 'dividend' AND d.entry_id LIKE 'dividend.%%'
  AND d.happened_at >= %(since)s::timestamptz
  AND NOT EXISTS (SELECT FROM desk.cash_entries AS s
                  WHERE s.book = d.book AND s.entry_id LIKE 'statement.%%' AND s.reference = d.entry_id)
ORDER BY d.happened_at, d.entry_id;

-- name: add_statement
-- Store a statement once per content.
INSERT INTO staging.statements (book, account, from_on, to_on, fetched_at, sha256, body_gzip)
VALUES (%(book)s::text, %(account)s::text, %(from_on)s::date, %(to_on)s::date, %(at)s::timestamptz, %(sha256)s::text,
        %(body_gzip)s::bytea)
ON CONFLICT (book, sha256) DO NOTHING;
