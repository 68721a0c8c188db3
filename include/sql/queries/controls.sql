-- name: trading_state
-- The latest state of a book; ACTIVE for an open book without any event, nothing for a book that does not exist.
SELECT coalesce(
    (SELECT state FROM ops.controls WHERE book = %(book)s::text ORDER BY event_id DESC LIMIT 1),
    (SELECT 'ACTIVE' FROM desk.books WHERE book = %(book)s::text));

-- name: state_reason
-- Who brought a book into its latest state, and why.
SELECT actor || ': ' || reason FROM ops.controls WHERE book = %(book)s::text ORDER BY event_id DESC LIMIT 1;

-- name: hold_state
-- Keep other transactions from changing a book's state until this one ends.
SELECT pg_advisory_xact_lock(hashtextextended('airdesk.state.' || %(book)s::text, 0));

-- name: add_state
-- Append a state event.
INSERT INTO ops.controls (book, state, reason, actor)
VALUES (%(book)s::text, %(state)s::text, %(reason)s::text, %(actor)s::text);

-- name: add_message
-- Put a message into the outbox once. What is there already uses up no number: people would look for the missing one.
INSERT INTO ops.outbox (dedupe_key, book, badge, kind, severity, body, buttons, picture)
SELECT %(dedupe_key)s::text, %(book)s::text, %(badge)s::text, %(kind)s::text, %(severity)s::text, %(body)s::text,
       %(buttons)s::jsonb, %(picture)s::bytea
WHERE NOT EXISTS (SELECT FROM ops.outbox WHERE dedupe_key = %(dedupe_key)s::text)
ON CONFLICT (dedupe_key) DO NOTHING RETURNING message_id;

-- name: add_audit
-- Store who did what.
INSERT INTO ops.audit (actor, action, detail) VALUES (%(actor)s::text, %(action)s::text, %(detail)s::jsonb);

-- name: newest_audit
-- The newest act of one kind about a book.
SELECT detail FROM ops.audit WHERE action = %(action)s::text AND detail ->> 'book' = %(book)s::text
ORDER BY audit_id DESC LIMIT 1;

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

-- name: state_event
-- The latest state event of a book.
SELECT state, reason, actor, happened_at FROM ops.controls WHERE book = %(book)s::text ORDER BY event_id DESC LIMIT 1;

-- name: add_code
-- Remember a one-time code; an earlier one for the same action is void from now on.
WITH void AS (
    UPDATE ops.operator_codes SET used_at = clock_timestamp()
    WHERE book = %(book)s::text AND action = %(action)s::text AND used_at IS NULL)
INSERT INTO ops.operator_codes (book, action, code_sha256, issued_to, expires_at)
VALUES (%(book)s::text, %(action)s::text, %(code_sha256)s::text, %(issued_to)s::text,
        clock_timestamp() + make_interval(secs => %(seconds)s::double precision));

-- name: use_code
-- Use up a one-time code; no row if it is wrong, used or too old.
UPDATE ops.operator_codes SET used_at = clock_timestamp()
WHERE book = %(book)s::text AND action = %(action)s::text AND code_sha256 = %(code_sha256)s::text
  AND used_at IS NULL AND expires_at > clock_timestamp()
RETURNING code_id;

-- name: add_live_arm
-- Permit real money until an instant.
INSERT INTO ops.live_arm (book, account, code_hash, armed_by, expires_at)
VALUES (%(book)s::text, %(account)s::text, %(code_hash)s::text, %(armed_by)s::text, %(expires_at)s::timestamptz);

-- name: newest_live_arm
-- The youngest permission of a book, expired or not.
SELECT account, code_hash, armed_by, armed_at, expires_at FROM ops.live_arm
WHERE book = %(book)s::text ORDER BY arm_id DESC LIMIT 1;

-- name: read_restrictions
-- The newest word on each symbol that a person restricted, whether or not its day has passed.
SELECT symbol, until_on, reason, actor, happened_at FROM (
    SELECT DISTINCT ON (symbol) * FROM ops.restrictions
    WHERE book = %(book)s::text ORDER BY symbol, event_id DESC) AS newest
WHERE is_restricted ORDER BY symbol;

-- name: add_restriction
-- Append a restriction or its end.
INSERT INTO ops.restrictions (book, symbol, is_restricted, until_on, reason, actor)
VALUES (%(book)s::text, %(symbol)s::text, %(is_restricted)s::boolean, %(until_on)s::date, %(reason)s::text,
        %(actor)s::text);
