-- What vendors replied, as it came, secrets removed: for this desk's own audit and never to be passed on.
ALTER TABLE staging.responses DROP COLUMN body_gzip;

-- One row per different body: a file that is asked for every hour and changes once a month is kept once.
CREATE TABLE staging.bodies (
    sha256 bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    byte_count integer NOT NULL CHECK (byte_count >= 0),
    -- Absent where the body is larger than the desk keeps; its digest is still known.
    body_gzip bytea,
    last_kept_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX staging_bodies_last_kept ON staging.bodies (last_kept_at);

-- One row per call that was answered with data.
CREATE TABLE staging.replies (
    call_id bigint PRIMARY KEY REFERENCES ops.api_calls ON DELETE CASCADE,
    sha256 bytea NOT NULL REFERENCES staging.bodies,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX staging_replies_sha256 ON staging.replies (sha256);
CREATE INDEX staging_replies_kept ON staging.replies (kept_at);
