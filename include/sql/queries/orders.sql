-- name: add_orders
-- Store the legs of a decision; a parent and its protection come together.
INSERT INTO desk.orders (order_id, book, decision_id, symbol, side, quantity, order_type, time_in_force, purpose, leg,
                         parent_id, planned_at, expires_at, limit_price, stop_price, trail_frac, status,
                         filled_quantity, broker_order_id, detail, cause, is_inferred)
SELECT * FROM unnest(
    %(order_id)s::text[], %(book)s::text[], %(decision_id)s::text[], %(symbol)s::text[], %(side)s::text[],
    %(quantity)s::numeric[], %(order_type)s::text[], %(time_in_force)s::text[], %(purpose)s::text[],
    %(leg)s::smallint[], %(parent_id)s::text[], %(planned_at)s::timestamptz[], %(expires_at)s::timestamptz[],
    %(limit_price)s::numeric[], %(stop_price)s::numeric[], %(trail_frac)s::float8[], %(status)s::text[],
    %(filled_quantity)s::numeric[], %(broker_order_id)s::bigint[], %(detail)s::text[], %(cause)s::text[],
    %(is_inferred)s::boolean[]);

-- name: orders_of_decision
-- The legs of a decision.
SELECT * FROM desk.orders WHERE decision_id = %(decision_id)s::text ORDER BY symbol, purpose, leg, order_id;

-- name: order_by_id
-- One leg.
SELECT * FROM desk.orders WHERE order_id = %(order_id)s::text;

-- name: lock_order
-- One leg, held until the transaction ends.
SELECT * FROM desk.orders WHERE order_id = %(order_id)s::text FOR UPDATE;

-- name: working_orders
-- Legs that are reserved, at the broker, or unknown.
SELECT * FROM desk.orders
WHERE book = %(book)s::text AND status IN ('reserved', 'submitted', 'partially_filled', 'unknown')
ORDER BY planned_at, symbol, purpose, leg, order_id;

-- name: unsent_orders
-- Legs that are planned, or reserved without the broker's word on them.
SELECT * FROM desk.orders
WHERE book = %(book)s::text AND status IN ('planned', 'reserved')
ORDER BY planned_at, symbol, purpose, leg, order_id;

-- name: newest_guards
-- The youngest stop and target of each symbol that were ever meant for the broker.
SELECT DISTINCT ON (symbol, purpose) * FROM desk.orders
WHERE book = %(book)s::text AND purpose IN ('stop', 'target') AND status NOT IN ('planned', 'denied')
ORDER BY symbol, purpose, planned_at DESC, order_id;

-- name: recent_orders
-- The newest legs, youngest first.
SELECT * FROM desk.orders WHERE book = %(book)s::text
ORDER BY planned_at DESC, symbol, purpose, leg, order_id LIMIT %(limit)s::int;

-- name: ratchet_order
-- Where a trailing stop stands now.
UPDATE desk.orders SET stop_price = %(stop_price)s::numeric WHERE order_id = %(order_id)s::text;

-- name: resize_order
-- The quantity that the broker works an order with.
UPDATE desk.orders SET quantity = %(quantity)s::numeric WHERE order_id = %(order_id)s::text;

-- name: update_order
-- What an event may change.
UPDATE desk.orders
SET status = %(status)s::text, filled_quantity = %(filled_quantity)s::numeric,
    broker_order_id = %(broker_order_id)s::bigint, detail = %(detail)s::text, is_inferred = %(is_inferred)s::boolean
WHERE order_id = %(order_id)s::text;

-- name: add_order_event
-- Keep the event beside the order that it moved.
INSERT INTO desk.order_events (order_id, status, happened_at, broker_order_id, filled_quantity, detail, is_inferred)
VALUES (%(order_id)s::text, %(status)s::text, %(happened_at)s::timestamptz, %(broker_order_id)s::bigint,
        %(filled_quantity)s::numeric, %(detail)s::text, %(is_inferred)s::boolean);

-- name: read_intents
-- The submission records of these legs.
SELECT order_id, client_id, reserved_id, perm_id, state, epoch FROM desk.intents
WHERE order_id = ANY (%(order_ids)s::text[]);

-- name: reserve_intents
-- Give consecutive ids, above every id this client ever reserved, to the legs that have none.
INSERT INTO desk.intents (order_id, client_id, reserved_id, state, epoch, reserved_at)
SELECT leg.order_id, %(client_id)s::int, base.first_id + (row_number() OVER (ORDER BY leg.place))::int - 1,
       'RESERVED', %(epoch)s::bigint, clock_timestamp()
FROM unnest(%(order_ids)s::text[]) WITH ORDINALITY AS leg (order_id, place),
     (SELECT greatest(%(first_id)s::int, coalesce(max(reserved_id) + 1, 0)) AS first_id
      FROM desk.intents WHERE client_id = %(client_id)s::int) AS base
WHERE NOT EXISTS (SELECT FROM desk.intents AS i WHERE i.order_id = leg.order_id);

-- name: renew_ids
-- Move legs whose ids the broker refused as taken to fresh consecutive ids.
UPDATE desk.intents AS i
SET reserved_id = base.first_id + leg.place::int - 1, epoch = %(epoch)s::bigint, reserved_at = clock_timestamp()
FROM unnest(%(order_ids)s::text[]) WITH ORDINALITY AS leg (order_id, place),
     (SELECT greatest(%(first_id)s::int, coalesce(max(reserved_id) + 1, 0)) AS first_id
      FROM desk.intents
      WHERE client_id IN (SELECT client_id FROM desk.intents WHERE order_id = ANY (%(order_ids)s::text[]))) AS base
WHERE i.order_id = leg.order_id AND i.state = 'RESERVED';

-- name: settle_intent
-- Set the state of a submission record; a permanent id once known stays.
UPDATE desk.intents SET state = %(state)s::text, perm_id = coalesce(%(perm_id)s::bigint, perm_id)
WHERE order_id = %(order_id)s::text;

-- name: newest_epochs
-- The newest writer's epoch of each book of these legs, held against a change until the transaction ends.
SELECT book, epoch FROM ops.writer_epochs
WHERE book IN (SELECT book FROM desk.orders WHERE order_id = ANY (%(order_ids)s::text[]))
FOR SHARE;

-- name: try_writer_lock
-- Take the one writer lock of a book if it is free; it belongs to this session and dies with it.
SELECT pg_try_advisory_lock(hashtextextended('airdesk.order_writer.' || %(book)s::text, 0));

-- name: release_writer_lock
-- Let go of the writer lock.
SELECT pg_advisory_unlock(hashtextextended('airdesk.order_writer.' || %(book)s::text, 0));

-- name: limit_lock_wait
-- Give up waiting for a row after so many milliseconds.
SELECT set_config('lock_timeout', %(milliseconds)s::text, false);

-- name: next_epoch
-- Fence every earlier writer of the book.
INSERT INTO ops.writer_epochs (book, epoch) VALUES (%(book)s::text, 1)
ON CONFLICT (book) DO UPDATE SET epoch = writer_epochs.epoch + 1
RETURNING epoch;
