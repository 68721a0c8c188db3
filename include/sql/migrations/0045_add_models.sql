-- The registry of models: what was trained on what, and who let which one speak. Files lie in the state folder; one
-- whose hash is not here is not read.
CREATE TABLE analysis.models (
    model_id text PRIMARY KEY CHECK (model_id ~ '^[a-z0-9-]{1,60}$'),
    kind text NOT NULL,
    file_name text NOT NULL UNIQUE,
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    features text[] NOT NULL,
    train_first_on date NOT NULL,
    train_last_on date NOT NULL CHECK (train_last_on >= train_first_on),
    -- End of the last session that the training saw; no earlier hour may hear the model.
    usable_from timestamptz NOT NULL,
    label jsonb NOT NULL,
    metrics jsonb NOT NULL,
    library text NOT NULL,
    strategy text NOT NULL,
    spec_hash text NOT NULL,
    code_version text NOT NULL,
    is_synthetic boolean NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE TRIGGER models_append_only BEFORE UPDATE OR DELETE ON analysis.models
    FOR EACH ROW EXECUTE FUNCTION desk.refuse_change();

-- What happened to models; the newest event says which one is heard.
CREATE TABLE analysis.model_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action text NOT NULL CHECK (action IN ('promote', 'rollback', 'bench')),
    model_id text NOT NULL REFERENCES analysis.models,
    champion_id text REFERENCES analysis.models,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL
);
CREATE TRIGGER model_events_append_only BEFORE UPDATE OR DELETE ON analysis.model_events
    FOR EACH ROW EXECUTE FUNCTION desk.refuse_change();

-- What a model said in an hour, as the columns of the FeaturePanel.
CREATE TABLE analysis.chances (
    symbol text NOT NULL, as_of timestamptz NOT NULL, cutoff_at timestamptz NOT NULL,
    model_probability double precision CHECK (model_probability BETWEEN 0 AND 1),
    model_at timestamptz, why_model smallint NOT NULL, model_id text REFERENCES analysis.models,
    PRIMARY KEY (symbol, as_of, cutoff_at)
);
