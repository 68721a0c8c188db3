-- Runs of a replay under names of their own, and every outcome that was ever looked at.
CREATE TABLE desk.replay_runs (
    name text PRIMARY KEY CHECK (name <> ''),
    made_at timestamptz NOT NULL,
    driver text NOT NULL CHECK (driver IN ('in_process', 'search')),
    strategy text NOT NULL,
    spec_hash text NOT NULL,
    configuration jsonb NOT NULL,
    configuration_hash text NOT NULL,
    data_cutoff_at timestamptz NOT NULL,
    code_version text NOT NULL,
    first_on date NOT NULL,
    last_on date NOT NULL CHECK (last_on >= first_on),
    starting_usd double precision NOT NULL CHECK (starting_usd > 0 AND starting_usd < 1e12),
    is_synthetic boolean NOT NULL,
    sharpe double precision,
    skew double precision,
    kurtosis double precision,
    return_count int NOT NULL,
    figures jsonb NOT NULL,
    search text,
    parameters jsonb,
    parent text,
    session_on date[] NOT NULL,
    nav_usd double precision[] NOT NULL,
    cash_usd double precision[] NOT NULL,
    benchmarks jsonb NOT NULL,
    CHECK (cardinality(session_on) = cardinality(nav_usd) AND cardinality(nav_usd) = cardinality(cash_usd))
);
CREATE INDEX replay_runs_search ON desk.replay_runs (search) WHERE search IS NOT NULL;

CREATE TABLE desk.replay_trades (
    name text NOT NULL REFERENCES desk.replay_runs ON DELETE CASCADE,
    number int NOT NULL,
    symbol text NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz NOT NULL,
    quantity double precision NOT NULL,
    entry_price double precision NOT NULL,
    exit_price double precision NOT NULL,
    cost_usd double precision NOT NULL,
    gain_usd double precision NOT NULL,
    closed_by text NOT NULL,
    PRIMARY KEY (name, number)
);

-- A trial outlives its run: who deletes what disappointed would otherwise make the rest look better. The same
-- configuration with the same outcome is one trial, however often it is run.
CREATE TABLE desk.replay_trials (
    spec_hash text NOT NULL,
    configuration_hash text NOT NULL,
    sharpe double precision,
    skew double precision,
    kurtosis double precision,
    return_count int NOT NULL,
    UNIQUE NULLS NOT DISTINCT (spec_hash, configuration_hash, sharpe, return_count)
);
CREATE TRIGGER trials_append_only BEFORE UPDATE OR DELETE ON desk.replay_trials
    FOR EACH ROW EXECUTE FUNCTION desk.refuse_change();
