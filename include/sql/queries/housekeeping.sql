-- name: delete_old_messages
-- Messages that went, or never will, and that nobody needs to recognise any more.
DELETE FROM ops.outbox WHERE state IN ('sent', 'failed', 'dropped') AND created_at < %(before)s::timestamptz;

-- name: drop_old_pictures
-- A picture can be drawn again; the words stay.
UPDATE ops.outbox SET picture = NULL
WHERE picture IS NOT NULL AND state IN ('sent', 'failed', 'dropped') AND created_at < %(before)s::timestamptz;

-- name: delete_old_updates
-- Telegram itself forgets an update after a day.
DELETE FROM ops.bot_updates WHERE seen_at < %(before)s::timestamptz;

-- name: drop_old_evidence
-- Evidence of bars, by whole years of its fetch.
SELECT staging.drop_years(%(before_year)s::int);
