-- The book after a session's last work: what a replay of the next one starts from.
CREATE TABLE desk.session_states (
    book text NOT NULL REFERENCES desk.books,
    session_on date NOT NULL,
    -- Until when the book had seen the market.
    cutoff_at timestamptz NOT NULL,
    state jsonb NOT NULL,
    PRIMARY KEY (book, session_on)
);

-- A day of a book beside its replay, as the night found it; a later comparison replaces it.
CREATE TABLE desk.parity_days (
    book text NOT NULL REFERENCES desk.books,
    session_on date NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('equal', 'different', 'nothing', 'unknown')),
    summary text NOT NULL,
    decisions int NOT NULL CHECK (decisions >= 0),
    decisions_equal int NOT NULL CHECK (decisions_equal BETWEEN 0 AND decisions),
    orders int NOT NULL CHECK (orders >= 0),
    orders_equal int NOT NULL CHECK (orders_equal BETWEEN 0 AND orders),
    fills int NOT NULL CHECK (fills >= 0),
    fills_equal int NOT NULL CHECK (fills_equal BETWEEN 0 AND fills),
    shortfall_usd numeric(18, 6),
    shortfall_bps double precision CHECK (shortfall_bps > '-Infinity' AND shortfall_bps < 'Infinity'),
    nav_usd double precision,
    replay_nav_usd double precision,
    code_version text NOT NULL,
    -- Differences, fills and remarks, for people.
    detail jsonb NOT NULL,
    compared_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (book, session_on)
);
