-- name: ask_approval
-- Let an order wait for a person.
INSERT INTO desk.approvals (order_id, requested_at, expires_at)
VALUES (%(order_id)s::text, %(at)s::timestamptz, %(expires_at)s::timestamptz)
ON CONFLICT (order_id) DO NOTHING;

-- name: read_approval
-- The request of one order.
SELECT order_id, requested_at, expires_at, answer, answered_by FROM desk.approvals WHERE order_id = %(order_id)s::text;

-- name: waiting_approvals
-- The unanswered requests of a decision whose orders may still be sent, oldest first.
SELECT a.order_id, a.requested_at, a.expires_at, a.answer, a.answered_by
FROM desk.approvals AS a JOIN desk.orders AS o USING (order_id)
WHERE o.decision_id = %(decision_id)s::text AND a.answer IS NULL AND o.status = 'planned'
ORDER BY a.requested_at, a.order_id;

-- name: answer_approvals
-- Answer every request of a decision that waits.
UPDATE desk.approvals AS a
SET answer = %(answer)s::text, answered_by = %(by)s::text, answered_at = %(at)s::timestamptz
FROM desk.orders AS o
WHERE o.order_id = a.order_id AND o.decision_id = %(decision_id)s::text AND a.answer IS NULL;
