-- Calls to vendors, counted where every process sees them: quota, spend meter and audit in one table.
CREATE TABLE ops.api_calls (
    call_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vendor text NOT NULL,
    -- Path without its query; no key is ever in it.
    endpoint text NOT NULL CHECK (length(endpoint) <= 200),
    called_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    cost_usd numeric(12, 6) NOT NULL DEFAULT 0 CHECK (cost_usd >= 0 AND cost_usd < 1e5),
    -- Unknown until the call ended, and for good if its process died.
    duration_ms integer CHECK (duration_ms >= 0),
    -- Unknown if no whole reply came.
    status smallint CHECK (status BETWEEN 100 AND 999),
    failure text,
    -- What came instead of data, secrets removed.
    excerpt text CHECK (length(excerpt) <= 2000)
);
CREATE INDEX ops_api_calls_vendor ON ops.api_calls (vendor, called_at DESC, call_id DESC);

-- A vendor that fails again and again is left alone, and then asked by one process.
CREATE TABLE ops.circuits (
    vendor text PRIMARY KEY,
    failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    opened_at timestamptz,
    probed_at timestamptz
);

-- What a plan turned out not to include, for one UTC day.
CREATE TABLE ops.capabilities_off (
    vendor text NOT NULL,
    capability text NOT NULL,
    off_on date NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (vendor, capability, off_on)
);
