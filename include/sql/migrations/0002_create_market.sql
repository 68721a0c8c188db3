-- Checked and typed facts. NaN and Infinity are greater than 0 in Postgres, hence the two-sided CHECKs.
CREATE SCHEMA market;

CREATE DOMAIN market.price AS double precision CHECK (VALUE > 0 AND VALUE < 1e7);
CREATE DOMAIN market.finite AS double precision CHECK (VALUE > -1e18 AND VALUE < 1e18);

CREATE TABLE market.bars (
    symbol text NOT NULL,
    resolution text NOT NULL CHECK (resolution IN ('30m', '1h', '1d')),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    open market.price NOT NULL,
    high market.price NOT NULL,
    low market.price NOT NULL,
    close market.price NOT NULL,
    volume market.finite NOT NULL CHECK (volume >= 0),
    source text NOT NULL,
    known_at timestamptz NOT NULL,
    revision smallint NOT NULL DEFAULT 0,
    response_id bigint NOT NULL,
    PRIMARY KEY (symbol, resolution, starts_at, revision),
    CHECK (high >= greatest(open, close, low) AND low <= least(open, close)),
    CHECK (ends_at > starts_at AND known_at >= ends_at)
) PARTITION BY RANGE (starts_at);

-- One partition a year; `market.ensure_year` is called by the ingest before it writes.
CREATE FUNCTION market.ensure_year(year int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS market.bars_%s PARTITION OF market.bars FOR VALUES FROM (%L) TO (%L)',
        year, make_timestamptz(year, 1, 1, 0, 0, 0, 'UTC'), make_timestamptz(year + 1, 1, 1, 0, 0, 0, 'UTC'));
END $$;

CREATE TABLE market.news (
    item_id text PRIMARY KEY,
    symbols text[] NOT NULL,
    published_at timestamptz NOT NULL,
    known_at timestamptz NOT NULL,
    title text NOT NULL CHECK (length(title) <= 2000),
    source text NOT NULL,
    url text,
    response_id bigint NOT NULL
);
CREATE INDEX market_news_known ON market.news (known_at);
CREATE INDEX market_news_symbols ON market.news USING gin (symbols);

CREATE TABLE market.filings (
    symbol text NOT NULL,
    period_ends_on date NOT NULL,
    quarters smallint NOT NULL CHECK (quarters IN (1, 4)),
    eps_diluted market.finite,
    revenue_usd market.finite,
    source text NOT NULL,
    known_at timestamptz NOT NULL,
    response_id bigint NOT NULL,
    PRIMARY KEY (symbol, period_ends_on, quarters, known_at)
);

CREATE TABLE market.macro (
    series text NOT NULL,
    period_on date NOT NULL,
    value market.finite NOT NULL,
    source text NOT NULL,
    known_at timestamptz NOT NULL,
    response_id bigint NOT NULL,
    PRIMARY KEY (series, period_on, known_at)
);

CREATE TABLE market.corporate_actions (
    symbol text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('split', 'dividend')),
    ex_on date NOT NULL,
    value market.price NOT NULL,
    source text NOT NULL,
    known_at timestamptz NOT NULL,
    response_id bigint NOT NULL,
    PRIMARY KEY (symbol, kind, ex_on)
);

-- Latest event per symbol wins; a parked symbol gets no entry and stays in NAV.
CREATE TABLE market.parked (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    symbol text NOT NULL,
    happened_at timestamptz NOT NULL,
    is_parked boolean NOT NULL,
    reason text NOT NULL
);
