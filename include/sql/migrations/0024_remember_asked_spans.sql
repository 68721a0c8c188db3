-- What history was asked for and answered in full: what is absent within such a span the vendor does not have.
CREATE TABLE ops.asked_spans (
    source text NOT NULL,
    kind text NOT NULL,
    -- Empty where the fact belongs to no symbol.
    symbol text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (symbol, kind, source, starts_at, ends_at)
);
