-- What keeps orders safe and books provable: denials, approvals, holds, arms, breaks with age, statements.

-- Protection that is placed anew and what an operator orders are decisions like any other.
ALTER TABLE desk.decisions DROP CONSTRAINT decisions_kind_check;
ALTER TABLE desk.decisions ADD CONSTRAINT decisions_kind_check
    CHECK (kind IN ('hourly', 'rebalance', 'protection', 'operator'));

-- Each "no" to an order with its numbers; an order may be denied at its decision or before it is sent.
CREATE TABLE desk.denials (
    denial_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id text NOT NULL REFERENCES desk.orders ON DELETE CASCADE,
    stage text NOT NULL CHECK (stage IN ('decision', 'send')),
    code text NOT NULL,
    observed double precision,
    threshold double precision,
    detail text NOT NULL,
    happened_at timestamptz NOT NULL,
    UNIQUE (order_id, stage, code)
);

-- An order that waits for a person; no answer until `expires_at` is a no.
CREATE TABLE desk.approvals (
    order_id text PRIMARY KEY REFERENCES desk.orders ON DELETE CASCADE,
    requested_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    answer text CHECK (answer IN ('approved', 'rejected', 'expired')),
    answered_by text,
    answered_at timestamptz,
    CHECK ((answer IS NULL) = (answered_at IS NULL))
);

-- Splits and dividends that a book has taken over, each once.
CREATE TABLE desk.applied_actions (
    book text NOT NULL REFERENCES desk.books,
    symbol text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('split', 'dividend')),
    ex_on date NOT NULL,
    value double precision NOT NULL CHECK (value > 0 AND value < 1e7),
    applied_at timestamptz NOT NULL,
    PRIMARY KEY (book, symbol, kind, ex_on)
);

-- Latest event per (book, symbol) wins: a held symbol gets no entry until an operator releases it.
CREATE TABLE ops.symbol_holds (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book text NOT NULL,
    symbol text NOT NULL,
    is_held boolean NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ops_symbol_holds_book ON ops.symbol_holds (book, symbol, event_id DESC);

-- Foreign activity that an operator took note of: outside NAV, sizing and tax. Shares are signed.
CREATE TABLE ops.externals (
    book text NOT NULL,
    reference text NOT NULL,
    symbol text NOT NULL,
    quantity numeric(18, 4) NOT NULL CHECK (quantity > -1e9 AND quantity < 1e9),
    cash_usd numeric(18, 6) NOT NULL CHECK (cash_usd > -1e12 AND cash_usd < 1e12),
    reason text NOT NULL,
    actor text NOT NULL,
    adopted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (book, reference)
);

-- An operator's permission to trade real money, until it expires.
CREATE TABLE ops.live_arm (
    arm_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book text NOT NULL,
    account text NOT NULL,
    code_hash text NOT NULL,
    armed_by text NOT NULL,
    armed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    CHECK (expires_at > armed_at)
);

ALTER TABLE ops.reconciliations ADD COLUMN kind text NOT NULL DEFAULT 'nightly'
    CHECK (kind IN ('hourly', 'nightly', 'operator'));
ALTER TABLE ops.reconciliations ADD COLUMN code_hash text NOT NULL DEFAULT '';
CREATE INDEX ops_reconciliations_book ON ops.reconciliations (book, reconciliation_id DESC);

-- The same difference seen again keeps its row: `first_seen_at` gives its age.
ALTER TABLE ops.breaks ADD COLUMN break_key text;
ALTER TABLE ops.breaks ADD COLUMN first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE ops.breaks ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE ops.breaks ADD COLUMN resolution text;
ALTER TABLE ops.breaks ADD COLUMN resolved_by text;
CREATE UNIQUE INDEX ops_breaks_open ON ops.breaks (book, break_key) WHERE closed_at IS NULL AND break_key IS NOT NULL;

-- Broker statements as received, and the rows read from them.
CREATE TABLE staging.statements (
    statement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book text NOT NULL,
    account text NOT NULL,
    from_on date NOT NULL,
    to_on date NOT NULL,
    fetched_at timestamptz NOT NULL,
    sha256 text NOT NULL,
    body_gzip bytea NOT NULL,
    UNIQUE (book, sha256)
);
