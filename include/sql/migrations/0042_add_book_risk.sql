-- The risk of a book at each decision, as people read it and as the next hour goes on from it.
CREATE TABLE desk.risk (
    decision_id text PRIMARY KEY REFERENCES desk.decisions ON DELETE CASCADE,
    book text NOT NULL REFERENCES desk.books,
    kind text NOT NULL CHECK (kind IN ('hourly', 'rebalance')),
    as_of timestamptz NOT NULL,
    nav_usd double precision CHECK (nav_usd > -1e12 AND nav_usd < 1e12),
    drawdown_frac double precision CHECK (drawdown_frac >= 0 AND drawdown_frac < 1e6),
    breaker text NOT NULL CHECK (breaker IN ('armed', 'tripped', 'halted')),
    vix double precision CHECK (vix > 0 AND vix < 1e4),
    vix_regime text CHECK (vix_regime IN ('calm', 'elevated', 'stressed')),
    rebalance_due text,
    detail jsonb NOT NULL
);
CREATE INDEX desk_risk_of_book ON desk.risk (book, as_of DESC);

-- What a rebalance changes, as it was shown before anything was sent.
CREATE TABLE desk.rebalances (
    decision_id text PRIMARY KEY REFERENCES desk.decisions ON DELETE CASCADE,
    book text NOT NULL REFERENCES desk.books,
    as_of timestamptz NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    preview jsonb NOT NULL
);
CREATE INDEX desk_rebalances_of_book ON desk.rebalances (book, as_of DESC);
CREATE TRIGGER risk_no_update BEFORE UPDATE ON desk.risk
    FOR EACH ROW EXECUTE FUNCTION desk.refuse_change();
CREATE TRIGGER rebalances_no_update BEFORE UPDATE ON desk.rebalances
    FOR EACH ROW EXECUTE FUNCTION desk.refuse_change();
