-- What nobody confirmed is sent once more, not for ever; and a group that got a new id is found again.

ALTER TABLE ops.outbox ADD COLUMN repeats integer NOT NULL DEFAULT 0 CHECK (repeats >= 0);

-- chat_id is where the chat `moved_from` went; both are empty while it is where the settings say.
ALTER TABLE ops.message_sender ADD COLUMN moved_from bigint;

COMMENT ON COLUMN ops.outbox.repeats IS 'How often it went again because nobody had confirmed it.';
COMMENT ON COLUMN ops.message_sender.moved_from IS 'Chat of the settings that `chat_id` took the place of.';
