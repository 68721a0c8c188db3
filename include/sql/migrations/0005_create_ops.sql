-- Switches, messages and findings of the people who run the desk.
CREATE SCHEMA ops;

-- Latest row per book wins; no row at all reads as ACTIVE only for a book that was just opened.
CREATE TABLE ops.controls (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book text NOT NULL,
    state text NOT NULL CHECK (state IN ('ACTIVE', 'REDUCE_ONLY', 'HALTED', 'LOCKED')),
    reason text NOT NULL,
    actor text NOT NULL,
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ops_controls_book ON ops.controls (book, event_id DESC);

-- Fencing token of the one order writer per book: a writer with an old epoch changes nothing.
CREATE TABLE ops.writer_epochs (
    book text PRIMARY KEY,
    epoch bigint NOT NULL
);

CREATE TABLE ops.outbox (
    message_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dedupe_key text NOT NULL UNIQUE,
    book text,
    badge text NOT NULL,
    kind text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
    body text NOT NULL CHECK (length(body) <= 4000),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz
);

CREATE TABLE ops.reconciliations (
    reconciliation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book text NOT NULL,
    session_on date NOT NULL,
    happened_at timestamptz NOT NULL,
    is_clean boolean NOT NULL,
    detail jsonb NOT NULL
);

CREATE TABLE ops.breaks (
    break_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reconciliation_id bigint NOT NULL REFERENCES ops.reconciliations,
    book text NOT NULL,
    kind text NOT NULL,
    symbol text,
    ours text,
    theirs text,
    closed_at timestamptz
);

CREATE TABLE ops.audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor text NOT NULL,
    action text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
