-- What the sender of messages needs to know, beside what the writers of the outbox say.

-- buttons: rows of [text, data] pairs. reference: names the Telegram message in which a row went; rows that went
-- together share it. detail: why it waits, was dropped, or failed.
ALTER TABLE ops.outbox
    ADD COLUMN buttons jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(buttons) = 'array'),
    ADD COLUMN picture bytea CHECK (octet_length(picture) BETWEEN 1 AND 10485760),
    ADD COLUMN state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'sending', 'sent', 'uncertain', 'failed', 'dropped')),
    ADD COLUMN attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    ADD COLUMN next_try_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN reference text,
    ADD COLUMN is_silent boolean NOT NULL DEFAULT false,
    ADD COLUMN detail text,
    ADD COLUMN chat_id bigint,
    ADD COLUMN telegram_id bigint,
    ADD CHECK (state <> 'sent' OR sent_at IS NOT NULL);

-- Nobody wants to hear today what nobody was told when it happened.
UPDATE ops.outbox SET state = CASE WHEN sent_at IS NULL THEN 'dropped' ELSE 'sent' END,
    detail = 'written before there was a sender',
    kind = CASE kind WHEN 'fill' THEN 'order_filled' WHEN 'state' THEN 'state_change' WHEN 'data' THEN 'data_parked'
        WHEN 'failure' THEN 'dag_failure' WHEN 'broker' THEN 'reconciliation' ELSE kind END,
    -- Else every execution of the last days would be told once more, under its new name.
    dedupe_key = CASE kind WHEN 'fill' THEN 'order_filled' || substr(dedupe_key, 5) ELSE dedupe_key END;

CREATE INDEX outbox_waiting ON ops.outbox (message_id) WHERE state IN ('pending', 'sending', 'uncertain');

-- How the one sender stands: who it is, and why it stopped sending, where it did. One row.
CREATE TABLE ops.message_sender (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    holder text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    problem text,
    chat_id bigint
);
