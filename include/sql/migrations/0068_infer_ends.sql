-- An end that the broker said stands; one that the desk concluded from a list without the order gives way when the
-- broker lists it as working again (ADR 0063).
ALTER TABLE desk.orders ADD COLUMN is_inferred boolean NOT NULL DEFAULT false;
ALTER TABLE desk.order_events ADD COLUMN is_inferred boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN desk.orders.is_inferred IS
    'Whether the desk concluded the status because the broker did not list the order; it never said it.';
COMMENT ON COLUMN desk.order_events.is_inferred IS
    'Whether the desk concluded this because the broker did not list the order; it never said it.';

-- What ended this way before said so in its detail, and nowhere else.
UPDATE desk.orders SET is_inferred = true
WHERE status IN ('cancelled', 'expired')
  AND (detail LIKE '%the broker lists it no more%' OR detail LIKE 'never reached the broker or cancelled there%'
       OR detail = 'its hour passed before it was sent');
