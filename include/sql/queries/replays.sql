-- name: load_state
-- The state after a session.
SELECT state FROM desk.replay_states WHERE book = %(book)s::text AND session_on = %(session_on)s::date;

-- name: save_state
-- Store the state after a session, replacing that of an earlier run.
INSERT INTO desk.replay_states (book, session_on, state)
VALUES (%(book)s::text, %(session_on)s::date, %(state)s::jsonb)
ON CONFLICT (book, session_on) DO UPDATE SET state = excluded.state;

-- name: delete_book
-- Delete a replay book with all its rows; the triggers of the ledger refuse every other kind.
WITH states AS (DELETE FROM desk.replay_states WHERE book = %(book)s::text),
     marks AS (DELETE FROM desk.marks WHERE book = %(book)s::text),
     navs AS (DELETE FROM desk.nav WHERE book = %(book)s::text),
     disposals AS (DELETE FROM desk.disposals WHERE book = %(book)s::text),
     lots AS (DELETE FROM desk.lots WHERE book = %(book)s::text),
     cash AS (DELETE FROM desk.cash_entries WHERE book = %(book)s::text),
     fills AS (DELETE FROM desk.fills WHERE book = %(book)s::text),
     intents AS (DELETE FROM desk.intents WHERE order_id IN
                 (SELECT order_id FROM desk.orders WHERE book = %(book)s::text)),
     events AS (DELETE FROM desk.order_events WHERE order_id IN
                (SELECT order_id FROM desk.orders WHERE book = %(book)s::text)),
     orders AS (DELETE FROM desk.orders WHERE book = %(book)s::text),
     reasons AS (DELETE FROM desk.reasons WHERE decision_id IN
                 (SELECT decision_id FROM desk.decisions WHERE book = %(book)s::text)),
     targets AS (DELETE FROM desk.targets WHERE decision_id IN
                 (SELECT decision_id FROM desk.decisions WHERE book = %(book)s::text)),
     decisions AS (DELETE FROM desk.decisions WHERE book = %(book)s::text),
     states_of_trading AS (DELETE FROM ops.controls WHERE book = %(book)s::text)
DELETE FROM desk.books WHERE book = %(book)s::text;
