-- Until when people want to hear no sound from messages that are not grave; the newest row counts.
CREATE TABLE ops.message_mutes (
    mute_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    until_at timestamptz NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER message_mutes_append_only BEFORE UPDATE OR DELETE ON ops.message_mutes
    FOR EACH ROW EXECUTE FUNCTION desk.refuse_change();

COMMENT ON TABLE ops.message_mutes IS 'Until when people want to hear no sound; the newest row counts';
COMMENT ON COLUMN ops.message_mutes.mute_id IS 'Number of the row';
COMMENT ON COLUMN ops.message_mutes.until_at IS 'Until when; in the past where a person ended it';
COMMENT ON COLUMN ops.message_mutes.set_by IS 'Who asked for it, as telegram:USERID';
COMMENT ON COLUMN ops.message_mutes.set_at IS 'When it was asked for';
