-- A one-time code between an order of the operator and its effect; only its hash is kept.
CREATE TABLE ops.operator_codes (
    code_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book text NOT NULL,
    action text NOT NULL,
    code_sha256 text NOT NULL,
    issued_to text NOT NULL,
    issued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CHECK (expires_at > issued_at)
);
CREATE INDEX ops_operator_codes_book ON ops.operator_codes (book, action, code_id DESC);
CREATE INDEX ops_live_arm_book ON ops.live_arm (book, arm_id DESC);
