-- Several gates may hold one symbol, each with its own events; the latest event per (symbol, gate) wins.
-- What was parked before gates had names is released by the next ingest.
ALTER TABLE market.parked ADD COLUMN gate text NOT NULL DEFAULT 'legacy';
ALTER TABLE market.parked ALTER COLUMN gate DROP DEFAULT;
ALTER TABLE market.parked ADD COLUMN actor text NOT NULL DEFAULT 'ingest_prices';
ALTER TABLE market.parked ALTER COLUMN actor DROP DEFAULT;
CREATE INDEX market_parked_gate ON market.parked (symbol, gate, event_id DESC);

-- Whether prices bear a corporate action out. Events instead of a column, so that a reader of an older cutoff sees what
-- was believed then. Keyed like the action, which may arrive after its judgement.
CREATE TABLE market.action_states (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    symbol text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('split', 'dividend')),
    ex_on date NOT NULL,
    state text NOT NULL CHECK (state IN ('confirmed', 'suspect')),
    known_at timestamptz NOT NULL,
    detail text NOT NULL
);
CREATE INDEX market_action_states_key ON market.action_states (symbol, kind, ex_on, event_id DESC);

-- Splits and dividends known at a cutoff, with the state that was known then; one without a judgement is confirmed.
CREATE FUNCTION market.actions_known(cutoff timestamptz)
RETURNS TABLE (symbol text, kind text, ex_on date, value double precision, source text, known_at timestamptz, state text)
LANGUAGE sql STABLE AS $$
    SELECT a.symbol, a.kind, a.ex_on, a.value::float8, a.source, a.known_at, coalesce(s.state, 'confirmed')
    FROM market.corporate_actions AS a
    LEFT JOIN LATERAL (
        SELECT e.state FROM market.action_states AS e
        WHERE (e.symbol, e.kind, e.ex_on) = (a.symbol, a.kind, a.ex_on) AND e.known_at <= cutoff
        ORDER BY e.event_id DESC LIMIT 1
    ) AS s ON true
    WHERE a.known_at <= cutoff
$$;
