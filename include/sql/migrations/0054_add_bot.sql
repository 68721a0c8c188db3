-- What the bot on Telegram must not forget: the updates that it saw, what it asked a person, and the replays it was asked for.

-- An update that was seen is never carried out again, also after a restart.
CREATE TABLE ops.bot_updates (
    bot_id bigint NOT NULL,
    update_id bigint NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (bot_id, update_id)
);

-- What waits for a tap: a command that was shown with its effect, or orders that wait for a person. Without user and
-- chat any person of that role may tap. Only the hash of the nonce is kept. subject: what it is about, for approvals
-- the decision.
CREATE TABLE ops.bot_intents (
    intent_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book text NOT NULL,
    command text NOT NULL,
    arguments jsonb NOT NULL CHECK (jsonb_typeof(arguments) = 'array'),
    subject text,
    role text NOT NULL CHECK (role IN ('view', 'operate', 'admin')),
    user_id bigint,
    chat_id bigint,
    nonce_sha256 text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'confirmed', 'refused')),
    answered_by text,
    answered_at timestamptz,
    CHECK (expires_at > created_at),
    CHECK ((user_id IS NULL) = (chat_id IS NULL)),
    CHECK ((state = 'pending') = (answered_at IS NULL))
);
CREATE INDEX bot_intents_subject ON ops.bot_intents (book, command, subject) WHERE subject IS NOT NULL;

-- Replays that people asked the bot for, one after the other.
CREATE TABLE ops.bot_backtests (
    backtest_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    first_on date NOT NULL,
    last_on date NOT NULL,
    chat_id bigint NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed')),
    detail text,
    CHECK (last_on >= first_on)
);

COMMENT ON TABLE ops.bot_updates IS 'Updates of Telegram that the bot saw; one that comes again does nothing';
COMMENT ON COLUMN ops.bot_updates.bot_id IS 'Id of the bot, whose updates are numbered by themselves';
COMMENT ON COLUMN ops.bot_updates.update_id IS 'Number that Telegram gave the update';
COMMENT ON COLUMN ops.bot_updates.seen_at IS 'When the bot saw it';
COMMENT ON TABLE ops.bot_intents IS 'What waits, or waited, for a tap on a button';
COMMENT ON COLUMN ops.bot_intents.intent_id IS 'Number of the row; part of what a button says';
COMMENT ON COLUMN ops.bot_intents.book IS 'Book that it is about, kind:name';
COMMENT ON COLUMN ops.bot_intents.command IS 'Command of the bot that a yes carries out';
COMMENT ON COLUMN ops.bot_intents.arguments IS 'Words that follow the command, as they were shown';
COMMENT ON COLUMN ops.bot_intents.subject IS 'What it is about where more than one message may ask; for approvals the decision';
COMMENT ON COLUMN ops.bot_intents.role IS 'Role that a tap needs: view, operate or admin';
COMMENT ON COLUMN ops.bot_intents.user_id IS 'Whose tap counts; empty for any person of the role';
COMMENT ON COLUMN ops.bot_intents.chat_id IS 'Chat in which the tap counts; empty for any listed one';
COMMENT ON COLUMN ops.bot_intents.nonce_sha256 IS 'Hash of the secret part of what the button says';
COMMENT ON COLUMN ops.bot_intents.created_at IS 'When it was shown';
COMMENT ON COLUMN ops.bot_intents.expires_at IS 'From then on a tap does nothing';
COMMENT ON COLUMN ops.bot_intents.state IS 'pending, confirmed or refused; the first tap decides';
COMMENT ON COLUMN ops.bot_intents.answered_by IS 'Who tapped, as telegram:USERID';
COMMENT ON COLUMN ops.bot_intents.answered_at IS 'When it was tapped';
COMMENT ON TABLE ops.bot_backtests IS 'Replays that people asked the bot for, one after the other';
COMMENT ON COLUMN ops.bot_backtests.backtest_id IS 'Number of the row; the stored replay is called bot-NUMBER';
COMMENT ON COLUMN ops.bot_backtests.first_on IS 'First session';
COMMENT ON COLUMN ops.bot_backtests.last_on IS 'Last session';
COMMENT ON COLUMN ops.bot_backtests.chat_id IS 'Where the report goes';
COMMENT ON COLUMN ops.bot_backtests.asked_by IS 'Who asked, as telegram:USERID';
COMMENT ON COLUMN ops.bot_backtests.asked_at IS 'When it was asked for';
COMMENT ON COLUMN ops.bot_backtests.state IS 'queued, running, done or failed';
COMMENT ON COLUMN ops.bot_backtests.detail IS 'The last words of the replay';
