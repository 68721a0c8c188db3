-- name: trading_state
-- The latest state of a book; ACTIVE for an open book without any event, nothing for a book that does not exist.
SELECT coalesce(
    (SELECT state FROM ops.controls WHERE book = %(book)s::text ORDER BY event_id DESC LIMIT 1),
    (SELECT 'ACTIVE' FROM desk.books WHERE book = %(book)s::text));

-- name: state_reason
-- Who brought a book into its latest state, and why.
SELECT actor || ': ' || reason FROM ops.controls WHERE book = %(book)s::text ORDER BY event_id DESC LIMIT 1;

-- name: add_state
-- Append a state event.
INSERT INTO ops.controls (book, state, reason, actor)
VALUES (%(book)s::text, %(state)s::text, %(reason)s::text, %(actor)s::text);

-- name: add_message
-- Put a message into the outbox once.
INSERT INTO ops.outbox (dedupe_key, book, badge, kind, severity, body)
VALUES (%(dedupe_key)s::text, %(book)s::text, %(badge)s::text, %(kind)s::text, %(severity)s::text, %(body)s::text)
ON CONFLICT (dedupe_key) DO NOTHING RETURNING message_id;

-- name: add_reconciliation
-- Store what a reconciliation found.
INSERT INTO ops.reconciliations (book, session_on, happened_at, is_clean, detail)
VALUES (%(book)s::text, %(session_on)s::date, %(at)s::timestamptz, %(is_clean)s::boolean, %(detail)s::jsonb)
RETURNING reconciliation_id;

-- name: add_break
-- Store one difference between book and broker.
INSERT INTO ops.breaks (reconciliation_id, book, kind, symbol, ours, theirs)
VALUES (%(reconciliation_id)s::bigint, %(book)s::text, %(kind)s::text, %(symbol)s::text, %(ours)s::text,
        %(theirs)s::text);

-- name: add_audit
-- Store who did what.
INSERT INTO ops.audit (actor, action, detail) VALUES (%(actor)s::text, %(action)s::text, %(detail)s::jsonb);

-- name: symbol_holds
-- The symbols of a book that get no entry now, with who holds them and why.
SELECT symbol, actor || ': ' || reason AS reason FROM (
    SELECT DISTINCT ON (symbol) symbol, is_held, reason, actor FROM ops.symbol_holds
    WHERE book = %(book)s::text ORDER BY symbol, event_id DESC) AS newest
WHERE is_held ORDER BY symbol;

-- name: add_symbol_hold
-- Append a hold or a release.
INSERT INTO ops.symbol_holds (book, symbol, is_held, reason, actor)
VALUES (%(book)s::text, %(symbol)s::text, %(is_held)s::boolean, %(reason)s::text, %(actor)s::text);

-- name: enter_send_gate
-- Let one send of a book through; it waits while a change of state keeps sends out, and dies with this session.
SELECT pg_advisory_lock_shared(hashtextextended('airdesk.send_gate.' || %(book)s::text, 0));

-- name: close_send_gate
-- Keep every send of a book out until this session ends; waits for the sends under way.
SELECT pg_advisory_lock(hashtextextended('airdesk.send_gate.' || %(book)s::text, 0));

-- name: newest_epoch
-- The epoch of a book's newest order writer.
SELECT epoch FROM ops.writer_epochs WHERE book = %(book)s::text;
