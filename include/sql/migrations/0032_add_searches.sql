-- A parameter search: what was asked, each trial, and what became of each window. Results of research, in no ledger.
CREATE TABLE desk.searches (
    name text PRIMARY KEY CHECK (name ~ '^[a-z0-9_-]{1,40}$'),
    plan jsonb NOT NULL,
    spec_hash text NOT NULL,
    -- Facts known later are not read, whoever goes on with the search and whenever.
    cutoff_at timestamptz NOT NULL,
    code_version text NOT NULL,
    is_synthetic boolean NOT NULL,
    -- (number, train_first_on, train_last_on, test_first_on, test_last_on) each; the tests are null in a plain search.
    windows jsonb NOT NULL,
    summary jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE desk.search_trials (
    search text NOT NULL REFERENCES desk.searches,
    window_number int NOT NULL,
    -- The parameters as a person types them, sorted by name: a set of them is tried once.
    key text NOT NULL,
    number int NOT NULL,
    parameters jsonb NOT NULL,
    spec_hash text NOT NULL,
    score double precision CHECK (score > '-Infinity' AND score < 'Infinity'),
    why text CHECK (why IS NOT NULL OR score IS NOT NULL),
    figures jsonb,
    PRIMARY KEY (search, window_number, key)
);

CREATE TABLE desk.search_outcomes (
    search text NOT NULL REFERENCES desk.searches,
    window_number int NOT NULL,
    winner jsonb,
    train jsonb,
    test jsonb NOT NULL,
    own_test jsonb NOT NULL,
    test_equity double precision[] NOT NULL,
    PRIMARY KEY (search, window_number)
);
