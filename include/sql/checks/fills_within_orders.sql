-- The executions of an order add up to the quantity that the order says is filled, and never to more than it asked for.
SELECT o.book, o.symbol, o.order_id, o.quantity, o.filled_quantity, sum(f.quantity) AS executed
FROM desk.orders AS o JOIN desk.standing_fills AS f ON f.order_id = o.order_id AND f.book = o.book
WHERE o.book NOT LIKE 'replay:%'
GROUP BY o.book, o.symbol, o.order_id, o.quantity, o.filled_quantity
HAVING sum(f.quantity) > o.quantity OR sum(f.quantity) > o.filled_quantity
ORDER BY o.book, o.order_id
