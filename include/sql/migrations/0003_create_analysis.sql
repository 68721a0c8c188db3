-- One row per (symbol, as_of): columns of the FeaturePanel, NULL where unknown, `why` says the reason.
CREATE SCHEMA analysis;

CREATE TABLE analysis.technicals (
    symbol text NOT NULL, as_of timestamptz NOT NULL, cutoff_at timestamptz NOT NULL,
    price double precision, daily_priced double precision, price_at timestamptz, why_price smallint NOT NULL,
    sma_50 double precision, sma_200 double precision, ema_12 double precision, ema_26 double precision,
    macd double precision, macd_signal double precision, rsi_14 double precision, atr_14 double precision,
    volatility_frac double precision, daily_bar_count double precision,
    daily_through timestamptz, why_technicals smallint NOT NULL,
    PRIMARY KEY (symbol, as_of, cutoff_at)
);

CREATE TABLE analysis.sentiment (
    symbol text NOT NULL, as_of timestamptz NOT NULL, cutoff_at timestamptz NOT NULL,
    sentiment double precision, story_count double precision, negative_source_count double precision,
    news_through timestamptz, why_sentiment smallint NOT NULL,
    PRIMARY KEY (symbol, as_of, cutoff_at)
);

CREATE TABLE analysis.valuation (
    symbol text NOT NULL, as_of timestamptz NOT NULL, cutoff_at timestamptz NOT NULL,
    pe_ratio double precision, pe_sector_median double precision, eps_ttm double precision,
    revenue_growth_frac double precision, filing_at timestamptz, why_valuation smallint NOT NULL,
    PRIMARY KEY (symbol, as_of, cutoff_at)
);

-- Market-wide facts; `symbol` is '*'.
CREATE TABLE analysis.risk (
    symbol text NOT NULL CHECK (symbol = '*'), as_of timestamptz NOT NULL, cutoff_at timestamptz NOT NULL,
    vix double precision, vix_change_frac double precision, vix_at timestamptz, why_vix smallint NOT NULL,
    cpi_yoy_frac double precision, cpi_yoy_3m_ago_frac double precision,
    gpr double precision, gpr_mean_12m double precision, macro_at timestamptz, why_macro smallint NOT NULL,
    PRIMARY KEY (symbol, as_of, cutoff_at)
);
