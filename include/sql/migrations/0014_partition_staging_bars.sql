-- Evidence of bars by the year in which it was fetched: an old year is dropped as one table, and a merge looks into one
-- partition only. Without a foreign key: checking it row by row cost more than the copy itself, the reply's row is
-- written in the same transaction, and old rows may go before the reply that they came with (ADR 24).
ALTER TABLE staging.bars RENAME TO bars_unpartitioned;
DROP INDEX staging.staging_bars_response;
DROP INDEX staging.staging_bars_rejected;

CREATE TABLE staging.bars (
    response_id bigint NOT NULL,
    fetched_at timestamptz NOT NULL,
    symbol text NOT NULL,
    resolution text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    open double precision,
    high double precision,
    low double precision,
    close double precision,
    volume double precision,
    known_at timestamptz NOT NULL,
    rejected text
) PARTITION BY RANGE (fetched_at);
CREATE INDEX staging_bars_response ON staging.bars (response_id);
CREATE INDEX staging_bars_rejected ON staging.bars (symbol, starts_at) WHERE rejected IS NOT NULL;

-- One partition a year of the fetch; called by the ingest before it writes, like `market.ensure_year`.
CREATE FUNCTION staging.ensure_year(year int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS staging.bars_%s PARTITION OF staging.bars FOR VALUES FROM (%L) TO (%L)',
        year, make_timestamptz(year, 1, 1, 0, 0, 0, 'UTC'), make_timestamptz(year + 1, 1, 1, 0, 0, 0, 'UTC'));
END $$;

SELECT staging.ensure_year(year) FROM (
    SELECT DISTINCT extract(year FROM r.fetched_at AT TIME ZONE 'UTC')::int AS year
    FROM staging.responses AS r WHERE EXISTS (SELECT FROM staging.bars_unpartitioned AS b WHERE b.response_id = r.response_id)
) AS years;

INSERT INTO staging.bars
SELECT b.response_id, r.fetched_at, b.symbol, b.resolution, b.starts_at, b.ends_at,
       b.open, b.high, b.low, b.close, b.volume, b.known_at, b.rejected
FROM staging.bars_unpartitioned AS b JOIN staging.responses AS r USING (response_id)
ORDER BY b.response_id, b.ctid;

DROP TABLE staging.bars_unpartitioned;
