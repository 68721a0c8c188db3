-- Append-only copies of what vendors said, before anything was believed.
CREATE SCHEMA staging;

CREATE TABLE staging.responses (
    response_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    request text NOT NULL,
    fetched_at timestamptz NOT NULL,
    sha256 text NOT NULL,
    run_id text NOT NULL,
    body_gzip bytea
);

CREATE TABLE staging.bars (
    response_id bigint NOT NULL REFERENCES staging.responses,
    symbol text NOT NULL,
    resolution text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    open double precision,
    high double precision,
    low double precision,
    close double precision,
    volume double precision,
    known_at timestamptz NOT NULL,
    rejected text
);
CREATE INDEX staging_bars_response ON staging.bars (response_id);
CREATE INDEX staging_bars_rejected ON staging.bars (symbol, starts_at) WHERE rejected IS NOT NULL;

CREATE TABLE staging.news (
    response_id bigint NOT NULL REFERENCES staging.responses,
    item_id text NOT NULL,
    symbols text[] NOT NULL,
    published_at timestamptz NOT NULL,
    known_at timestamptz NOT NULL,
    title text NOT NULL CHECK (length(title) <= 2000),
    url text
);

CREATE TABLE staging.fundamentals (
    response_id bigint NOT NULL REFERENCES staging.responses,
    symbol text NOT NULL,
    period_ends_on date NOT NULL,
    quarters smallint NOT NULL,
    eps_diluted double precision,
    revenue_usd double precision,
    known_at timestamptz NOT NULL
);

CREATE TABLE staging.macro (
    response_id bigint NOT NULL REFERENCES staging.responses,
    series text NOT NULL,
    period_on date NOT NULL,
    value double precision NOT NULL,
    known_at timestamptz NOT NULL
);

CREATE TABLE staging.corporate_actions (
    response_id bigint NOT NULL REFERENCES staging.responses,
    symbol text NOT NULL,
    kind text NOT NULL,
    ex_on date NOT NULL,
    value double precision NOT NULL,
    known_at timestamptz NOT NULL
);
