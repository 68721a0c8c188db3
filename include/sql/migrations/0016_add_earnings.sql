-- What companies earned against what analysts had expected: first seen and revisions kept.
CREATE TABLE staging.earnings (
    response_id bigint NOT NULL REFERENCES staging.responses,
    symbol text NOT NULL,
    period_ends_on date NOT NULL,
    reported_on date NOT NULL,
    eps_reported double precision NOT NULL,
    eps_estimated double precision,
    known_at timestamptz NOT NULL
);

CREATE TABLE market.earnings (
    symbol text NOT NULL,
    period_ends_on date NOT NULL,
    reported_on date NOT NULL CHECK (reported_on >= period_ends_on),
    eps_reported market.finite NOT NULL,
    eps_estimated market.finite,
    source text NOT NULL,
    known_at timestamptz NOT NULL,
    response_id bigint NOT NULL,
    PRIMARY KEY (symbol, period_ends_on, source, known_at)
);
