-- name: see_update
-- Remember an update; no row if it was seen before.
INSERT INTO ops.bot_updates (bot_id, update_id) VALUES (%(bot_id)s::bigint, %(update_id)s::bigint)
ON CONFLICT DO NOTHING RETURNING update_id;

-- name: forget_updates
-- Forget the updates of long ago: Telegram keeps none for longer than a day.
DELETE FROM ops.bot_updates WHERE seen_at < clock_timestamp() - make_interval(days => %(days)s::integer);

-- name: add_intent
-- Remember what waits for a tap.
INSERT INTO ops.bot_intents
    (book, command, arguments, subject, role, user_id, chat_id, nonce_sha256, expires_at)
VALUES (%(book)s::text, %(command)s::text, %(arguments)s::jsonb, %(subject)s::text, %(role)s::text,
        %(user_id)s::bigint, %(chat_id)s::bigint, %(nonce_sha256)s::text,
        clock_timestamp() + make_interval(secs => %(seconds)s::double precision))
RETURNING intent_id;

-- name: read_intent
-- What waits, or waited, for a tap with this nonce.
SELECT intent_id, book, command, arguments, role, user_id, chat_id, state, answered_by, answered_at,
       expires_at <= clock_timestamp() AS is_over
FROM ops.bot_intents WHERE intent_id = %(intent_id)s::bigint AND nonce_sha256 = %(nonce_sha256)s::text;

-- name: answer_intent
-- Let one tap decide; no row if another one did, or if its time is over.
UPDATE ops.bot_intents
SET state = %(state)s::text, answered_by = %(answered_by)s::text, answered_at = clock_timestamp()
WHERE intent_id = %(intent_id)s::bigint AND state = 'pending' AND expires_at > clock_timestamp()
RETURNING intent_id;

-- name: reopen_intent
-- Let an intent wait again, whose answer could not be carried out.
UPDATE ops.bot_intents SET state = 'pending', answered_by = NULL, answered_at = NULL
WHERE intent_id = %(intent_id)s::bigint;

-- name: waiting_about
-- Whether something of this kind waits about a subject.
SELECT count(*) FROM ops.bot_intents
WHERE book = %(book)s::text AND command = %(command)s::text AND subject = %(subject)s::text AND state = 'pending'
  AND expires_at > clock_timestamp();

-- name: answerer
-- Who answered about a subject last.
SELECT answered_by FROM ops.bot_intents
WHERE book = %(book)s::text AND command = %(command)s::text AND subject = %(subject)s::text AND state <> 'pending'
ORDER BY answered_at DESC LIMIT 1;

-- name: stranger_warnings
-- How often people were warned of a stranger within the last hour.
SELECT count(*) FROM ops.outbox
WHERE kind = 'stranger' AND starts_with(dedupe_key, %(begins)s::text)
  AND created_at > clock_timestamp() - interval '1 hour';

-- name: add_mute
-- Say until when messages make no sound.
INSERT INTO ops.message_mutes (until_at, set_by) VALUES (%(until_at)s::timestamptz, %(set_by)s::text);

-- name: newest_mute
-- Until when messages make no sound.
SELECT until_at FROM ops.message_mutes ORDER BY mute_id DESC LIMIT 1;

-- name: add_backtest
-- Queue a replay.
INSERT INTO ops.bot_backtests (first_on, last_on, chat_id, asked_by)
VALUES (%(first_on)s::date, %(last_on)s::date, %(chat_id)s::bigint, %(asked_by)s::text) RETURNING backtest_id;

-- name: next_backtest
-- Start the oldest replay that is not done; one that a stop cut off begins again.
UPDATE ops.bot_backtests SET state = 'running'
WHERE backtest_id = (
    SELECT backtest_id FROM ops.bot_backtests WHERE state IN ('queued', 'running') ORDER BY backtest_id LIMIT 1)
RETURNING backtest_id, first_on, last_on, chat_id, asked_by;

-- name: end_backtest
-- Note how a replay ended.
UPDATE ops.bot_backtests SET state = %(state)s::text, detail = %(detail)s::text
WHERE backtest_id = %(backtest_id)s::bigint;

-- name: waiting_backtests
-- How many replays are queued or under way.
SELECT count(*) FROM ops.bot_backtests WHERE state IN ('queued', 'running');
