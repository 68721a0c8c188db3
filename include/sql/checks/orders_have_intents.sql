-- Whatever reached the broker was reserved first: no order beyond PLANNED, DENIED or never-sent without an intent.
SELECT o.book, o.symbol, o.order_id, o.status
FROM desk.orders AS o LEFT JOIN desk.intents AS i USING (order_id)
WHERE o.book NOT LIKE 'replay:%'
  AND i.order_id IS NULL
  AND (o.status IN ('reserved', 'submitted', 'partially_filled', 'filled', 'rejected', 'unknown')
       OR o.broker_order_id IS NOT NULL OR o.filled_quantity > 0)
ORDER BY o.book, o.order_id
