-- What of the outbox is due was written twice: for the sender, and for counting what is late.

-- Messages that should go by now. What waits for quiet hours or a digest to end is not due, nor what waits behind it: a
-- message does not overtake an older one of its book and kind, unless it is an error and the other one is none.
CREATE FUNCTION ops.messages_due(at timestamptz) RETURNS SETOF ops.outbox LANGUAGE sql STABLE AS $$
    SELECT due.* FROM ops.outbox AS due
    WHERE due.state IN ('pending', 'sending', 'uncertain') AND due.next_try_at <= at
      AND NOT EXISTS (
          SELECT FROM ops.outbox AS held
          WHERE held.state IN ('pending', 'uncertain') AND held.next_try_at > at
            AND held.message_id < due.message_id AND held.kind = due.kind AND held.book IS NOT DISTINCT FROM due.book
            AND (held.severity = 'error' OR due.severity <> 'error'))
$$;
COMMENT ON FUNCTION ops.messages_due(timestamptz) IS
    'Messages that should go by an instant and are not held behind an older one; those being handed over too.';
