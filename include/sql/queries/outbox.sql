-- name: waiting_messages
-- What is to be sent, oldest first; a message does not overtake an older one of its kind that is held, unless it is
-- an error and the other one is none.
SELECT message_id, book, badge, kind, severity, body, created_at, next_try_at, buttons,
       CASE state WHEN 'uncertain' THEN reference END AS reference, picture IS NOT NULL AS has_picture
FROM ops.messages_due(%(at)s::timestamptz) WHERE state <> 'sending'
ORDER BY message_id LIMIT %(limit)s::integer;

-- name: message_backlog
-- What should have gone by now; what waits for quiet hours or a digest to end, or behind what does, is not late.
SELECT count(*) AS count, min(next_try_at) AS oldest_at FROM ops.messages_due(%(at)s::timestamptz);

-- name: message_picture
-- The picture of a message.
SELECT picture FROM ops.outbox WHERE message_id = %(message_id)s::bigint;

-- name: topics_sent
-- What went since an instant, by book and kind.
SELECT book, kind, max(sent_at) AS newest_at, count(*) AS count FROM ops.outbox
WHERE state = 'sent' AND sent_at > %(at)s::timestamptz GROUP BY book, kind;

-- name: begin_letter
-- Messages are about to be handed over as one letter.
UPDATE ops.outbox SET state = 'sending', attempts = attempts + 1, reference = %(reference)s::text,
    repeats = repeats + %(repeats)s::integer
WHERE message_id = ANY(%(message_ids)s::bigint[]);

-- name: end_letter
-- A letter arrived, or never will.
UPDATE ops.outbox SET state = %(state)s::text, sent_at = %(sent_at)s::timestamptz, detail = %(detail)s::text,
    is_silent = %(is_silent)s::boolean, chat_id = %(chat_id)s::bigint, telegram_id = %(telegram_id)s::bigint
WHERE message_id = ANY(%(message_ids)s::bigint[]);

-- name: hold_messages
-- Messages wait until an instant; what may have arrived stays a doubt.
UPDATE ops.outbox SET state = CASE WHEN state = 'uncertain' OR repeats > 0 THEN 'uncertain' ELSE 'pending' END,
    repeats = CASE state WHEN 'sending' THEN greatest(0, repeats - 1) ELSE repeats END,
    next_try_at = %(until)s::timestamptz, detail = %(why)s::text
WHERE message_id = ANY(%(message_ids)s::bigint[]) AND state IN ('pending', 'sending', 'uncertain');

-- name: doubt_messages
-- Messages may have arrived; the second doubt about one is the last.
UPDATE ops.outbox SET state = CASE WHEN repeats > 0 THEN 'failed' ELSE 'uncertain' END,
    next_try_at = %(until)s::timestamptz, detail = %(why)s::text
WHERE message_id = ANY(%(message_ids)s::bigint[]);

-- name: drop_message
-- A message is never sent.
UPDATE ops.outbox SET state = 'dropped', detail = %(why)s::text WHERE message_id = %(message_id)s::bigint;

-- name: recover_messages
-- What a dead sender was handing over may have arrived.
UPDATE ops.outbox SET state = CASE WHEN repeats > 0 THEN 'failed' ELSE 'uncertain' END,
    detail = 'the sender ended while it was handed over'
WHERE state = 'sending';

-- name: list_messages
-- The newest messages of a book, or of all.
SELECT message_id, book, badge, kind, severity, body, state, created_at, next_try_at, sent_at, reference, detail,
       is_silent, attempts
FROM ops.outbox WHERE %(book)s::text IS NULL OR book = %(book)s::text
ORDER BY message_id DESC LIMIT %(limit)s::integer;

-- name: newest_message
-- The newest message about a book among some kinds.
SELECT message_id, book, badge, kind, severity, body, state, created_at, next_try_at, sent_at, reference, detail,
       is_silent, attempts
FROM ops.outbox WHERE book = %(book)s::text AND kind = ANY(%(kinds)s::text[]) ORDER BY message_id DESC LIMIT 1;

-- name: sender_state
-- How the one sender stands.
SELECT holder, seen_at, problem, chat_id, moved_from FROM ops.message_sender;

-- name: set_sender_state
-- Note how the one sender stands.
INSERT INTO ops.message_sender (holder, seen_at, problem, chat_id, moved_from)
VALUES (%(holder)s::text, %(seen_at)s::timestamptz, %(problem)s::text, %(chat_id)s::bigint, %(moved_from)s::bigint)
ON CONFLICT (is_only) DO UPDATE SET holder = EXCLUDED.holder, seen_at = EXCLUDED.seen_at, problem = EXCLUDED.problem,
    chat_id = EXCLUDED.chat_id, moved_from = EXCLUDED.moved_from;
