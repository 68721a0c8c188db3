-- Decisions, orders and the ledger of every book. Ledger tables are append-only by trigger.
CREATE SCHEMA desk;

CREATE TABLE desk.books (
    book text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('paper', 'live', 'replay', 'demo')),
    opened_at timestamptz NOT NULL,
    strategy text NOT NULL,
    spec_hash text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE desk.decisions (
    decision_id text PRIMARY KEY,
    book text NOT NULL REFERENCES desk.books,
    kind text NOT NULL CHECK (kind IN ('hourly', 'rebalance')),
    as_of timestamptz NOT NULL,
    cutoff_at timestamptz NOT NULL,
    session_on date NOT NULL,
    is_closing boolean NOT NULL,
    strategy text NOT NULL,
    spec_hash text NOT NULL,
    code_version text NOT NULL,
    decision_hash text NOT NULL,
    nav_usd double precision,
    note text NOT NULL DEFAULT '',
    UNIQUE (book, kind, as_of)
);

CREATE TABLE desk.reasons (
    decision_id text NOT NULL REFERENCES desk.decisions ON DELETE CASCADE,
    symbol text NOT NULL,
    rule text NOT NULL,
    role text NOT NULL CHECK (role IN ('entry_required', 'entry_optional', 'exit', 'block')),
    outcome text NOT NULL CHECK (outcome IN ('PASS', 'FAIL', 'ABSTAIN')),
    observed double precision,
    threshold double precision,
    input_at timestamptz,
    why text,
    PRIMARY KEY (decision_id, symbol, role, rule)
);

CREATE TABLE desk.targets (
    decision_id text NOT NULL REFERENCES desk.decisions ON DELETE CASCADE,
    symbol text NOT NULL,
    weight_frac double precision NOT NULL CHECK (weight_frac >= 0 AND weight_frac <= 1),
    PRIMARY KEY (decision_id, symbol)
);

CREATE TABLE desk.orders (
    order_id text PRIMARY KEY CHECK (length(order_id) <= 40),
    book text NOT NULL REFERENCES desk.books,
    decision_id text NOT NULL REFERENCES desk.decisions ON DELETE CASCADE,
    symbol text NOT NULL,
    side text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    quantity numeric(18, 4) NOT NULL CHECK (quantity > 0 AND quantity < 1e9),
    order_type text NOT NULL,
    time_in_force text NOT NULL,
    purpose text NOT NULL,
    leg smallint NOT NULL,
    parent_id text REFERENCES desk.orders,
    planned_at timestamptz NOT NULL,
    expires_at timestamptz,
    limit_price numeric(18, 4) CHECK (limit_price > 0 AND limit_price < 1e7),
    stop_price numeric(18, 4) CHECK (stop_price > 0 AND stop_price < 1e7),
    trail_frac double precision CHECK (trail_frac > 0 AND trail_frac < 1),
    status text NOT NULL,
    filled_quantity numeric(18, 4) NOT NULL DEFAULT 0 CHECK (filled_quantity >= 0 AND filled_quantity <= quantity),
    broker_order_id bigint,
    detail text,
    UNIQUE (book, decision_id, symbol, purpose, leg)
);
CREATE INDEX desk_orders_working ON desk.orders (book, symbol)
    WHERE status IN ('planned', 'reserved', 'submitted', 'partially_filled', 'unknown');

-- One row per leg that may reach the broker: the id is reserved and committed before anything is sent.
CREATE TABLE desk.intents (
    order_id text PRIMARY KEY REFERENCES desk.orders ON DELETE CASCADE,
    client_id int NOT NULL,
    reserved_id int NOT NULL,
    perm_id bigint,
    state text NOT NULL CHECK (state IN ('RESERVED', 'ACKED', 'DONE', 'REJECTED', 'UNKNOWN')),
    epoch bigint NOT NULL,
    reserved_at timestamptz NOT NULL,
    UNIQUE (client_id, reserved_id)
);

CREATE TABLE desk.order_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id text NOT NULL REFERENCES desk.orders ON DELETE CASCADE,
    status text NOT NULL,
    happened_at timestamptz NOT NULL,
    broker_order_id bigint,
    filled_quantity numeric(18, 4),
    detail text
);
CREATE INDEX desk_order_events_order ON desk.order_events (order_id);

CREATE TABLE desk.fills (
    fill_id text NOT NULL,
    book text NOT NULL REFERENCES desk.books,
    order_id text REFERENCES desk.orders,
    symbol text NOT NULL,
    side text NOT NULL CHECK (side IN ('BUY', 'SELL')),
    quantity numeric(18, 4) NOT NULL CHECK (quantity > 0 AND quantity < 1e9),
    price numeric(18, 4) NOT NULL CHECK (price > 0 AND price < 1e7),
    commission_usd numeric(18, 6),
    executed_at timestamptz NOT NULL,
    PRIMARY KEY (book, fill_id)
);

CREATE TABLE desk.lots (
    lot_id text NOT NULL,
    book text NOT NULL REFERENCES desk.books,
    symbol text NOT NULL,
    quantity numeric(18, 4) NOT NULL CHECK (quantity > 0 AND quantity < 1e9),
    cost_per_share numeric(18, 8) NOT NULL CHECK (cost_per_share > 0 AND cost_per_share < 1e7),
    wash_adjustment_usd numeric(18, 6) NOT NULL DEFAULT 0,
    acquired_on date NOT NULL,
    holding_starts_on date NOT NULL,
    fill_id text NOT NULL,
    closed_at timestamptz,
    PRIMARY KEY (book, lot_id)
);
CREATE INDEX desk_lots_open ON desk.lots (book, symbol) WHERE closed_at IS NULL;

CREATE TABLE desk.disposals (
    disposal_id text NOT NULL,
    book text NOT NULL REFERENCES desk.books,
    lot_id text NOT NULL,
    fill_id text NOT NULL,
    symbol text NOT NULL,
    quantity numeric(18, 4) NOT NULL CHECK (quantity > 0 AND quantity < 1e9),
    proceeds_usd numeric(18, 6) NOT NULL,
    basis_usd numeric(18, 6) NOT NULL,
    disallowed_loss_usd numeric(18, 6) NOT NULL DEFAULT 0,
    acquired_on date NOT NULL,
    disposed_on date NOT NULL,
    term text NOT NULL CHECK (term IN ('short', 'long')),
    PRIMARY KEY (book, disposal_id)
);

CREATE TABLE desk.cash_entries (
    entry_id text NOT NULL,
    book text NOT NULL REFERENCES desk.books,
    kind text NOT NULL CHECK (kind IN ('deposit', 'fill', 'commission', 'dividend', 'fee', 'interest')),
    amount_usd numeric(18, 6) NOT NULL CHECK (amount_usd > -1e12 AND amount_usd < 1e12),
    happened_at timestamptz NOT NULL,
    reference text,
    PRIMARY KEY (book, entry_id)
);

-- The book at the end of each slot: prices used, high-water marks, breaker.
CREATE TABLE desk.nav (
    book text NOT NULL REFERENCES desk.books,
    as_of timestamptz NOT NULL,
    session_on date NOT NULL,
    is_closing boolean NOT NULL,
    cash_usd numeric(18, 6) NOT NULL,
    positions_usd double precision NOT NULL,
    nav_usd double precision NOT NULL CHECK (nav_usd > -1e12 AND nav_usd < 1e12),
    peak_nav_usd double precision NOT NULL,
    lifetime_peak_usd double precision NOT NULL,
    tripped_on date,
    sessions_since_trip int NOT NULL,
    PRIMARY KEY (book, as_of)
);

CREATE TABLE desk.marks (
    book text NOT NULL REFERENCES desk.books,
    as_of timestamptz NOT NULL,
    symbol text NOT NULL,
    quantity numeric(18, 4) NOT NULL,
    price double precision NOT NULL CHECK (price > 0 AND price < 1e7),
    high_water_price double precision NOT NULL CHECK (high_water_price > 0 AND high_water_price < 1e7),
    PRIMARY KEY (book, as_of, symbol)
);

CREATE VIEW desk.positions AS
    SELECT book, symbol, sum(quantity) AS quantity, sum(quantity * cost_per_share) AS cost_usd,
           min(acquired_on) AS first_acquired_on
    FROM desk.lots WHERE closed_at IS NULL GROUP BY book, symbol;

CREATE VIEW desk.cash AS
    SELECT book, sum(amount_usd) AS cash_usd FROM desk.cash_entries GROUP BY book;

-- End of a replayed session: everything the next session starts from.
CREATE TABLE desk.replay_states (
    book text NOT NULL REFERENCES desk.books,
    session_on date NOT NULL,
    state jsonb NOT NULL,
    PRIMARY KEY (book, session_on)
);

CREATE FUNCTION desk.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: book a correcting row instead', TG_TABLE_NAME;
END $$;

-- A replay book may be dropped as a whole (`replay delete`); books of real money never are.
CREATE FUNCTION desk.guard_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.book LIKE 'replay:%' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% of book % is append-only: book a correcting row instead', TG_TABLE_NAME, OLD.book;
END $$;

CREATE TRIGGER fills_append_only BEFORE DELETE ON desk.fills
    FOR EACH ROW EXECUTE FUNCTION desk.guard_ledger();
CREATE TRIGGER disposals_append_only BEFORE DELETE ON desk.disposals
    FOR EACH ROW EXECUTE FUNCTION desk.guard_ledger();
CREATE TRIGGER cash_append_only BEFORE DELETE ON desk.cash_entries
    FOR EACH ROW EXECUTE FUNCTION desk.guard_ledger();
CREATE TRIGGER disposals_no_update BEFORE UPDATE ON desk.disposals
    FOR EACH ROW EXECUTE FUNCTION desk.refuse_change();
CREATE TRIGGER cash_no_update BEFORE UPDATE ON desk.cash_entries
    FOR EACH ROW EXECUTE FUNCTION desk.refuse_change();

-- A commission arrives after its execution: NULL may become a number once, nothing else may change.
CREATE FUNCTION desk.only_commission() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.commission_usd IS NULL
       AND (NEW.fill_id, NEW.book, NEW.order_id, NEW.symbol, NEW.side, NEW.quantity, NEW.price, NEW.executed_at)
           IS NOT DISTINCT FROM
           (OLD.fill_id, OLD.book, OLD.order_id, OLD.symbol, OLD.side, OLD.quantity, OLD.price, OLD.executed_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'fills is append-only: only a missing commission may be filled in';
END $$;
CREATE TRIGGER fills_no_update BEFORE UPDATE ON desk.fills
    FOR EACH ROW EXECUTE FUNCTION desk.only_commission();
