-- What a vendor's answers say about the plan, once a UTC day, shared by all processes.
CREATE TABLE ops.plan_probes (
    vendor text NOT NULL,
    probed_on date NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Unknown while the probe is under way, and for good if it failed.
    told text CHECK (length(told) <= 200),
    told_at timestamptz,
    PRIMARY KEY (vendor, probed_on),
    CHECK ((told IS NULL) = (told_at IS NULL))
);
