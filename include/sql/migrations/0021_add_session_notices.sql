-- Days on which a source's notice differs from our calendar: no entries while the stricter of the two is closed.
-- Latest event per (source, session_on) wins; a notice that the source takes back is no longer in force.
CREATE TABLE market.session_notices (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    session_on date NOT NULL,
    -- The early close; NULL where the exchange stays closed.
    closes_at timestamptz,
    is_in_force boolean NOT NULL,
    known_at timestamptz NOT NULL
);
CREATE INDEX market_session_notices_day ON market.session_notices (session_on, source, event_id DESC);
