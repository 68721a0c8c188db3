-- name: missing_years
-- Partitions that a delivery needs and that do not exist yet: of market.bars by the bars' years, of staging.bars by the
-- year of the fetch.
SELECT schema, year FROM (
    SELECT 'market' AS schema, unnest(%(years)s::int[]) AS year UNION ALL SELECT 'staging', %(fetch_year)s::int
) AS needed
WHERE to_regclass(schema || '.bars_' || year) IS NULL;

-- name: lock_partitions
-- Let one transaction at a time create partitions.
SELECT pg_advisory_xact_lock(hashtextextended('airdesk.partitions', 0));

-- name: ensure_market_year
-- Create the partition of a year of bars.
SELECT market.ensure_year(%(year)s::int);

-- name: ensure_staging_year
-- Create the partition of a year of fetches.
SELECT staging.ensure_year(%(year)s::int);

-- name: limit_waiting
-- Give up waiting for another transaction after a while, until this one ends.
SELECT set_config('lock_timeout', %(milliseconds)s::text, true);

-- name: lock_long
-- Let one long transaction of deliveries at a time be stored.
SELECT pg_advisory_xact_lock(hashtextextended('airdesk.bars.long', 0));

-- name: lock_symbols
-- Let one short delivery of a symbol at a time be compared with what is stored; the next one waits and sees it. 1024
-- locks stand for all symbols, taken in ascending order, because the server's room for locks is limited.
SELECT pg_advisory_xact_lock(hashtext('airdesk.bars'), number) FROM (
    SELECT DISTINCT hashtext(symbol) & 1023 AS number FROM unnest(%(symbols)s::text[]) AS symbol ORDER BY number
) AS numbers;

-- name: has_bars
-- Whether any bar of the symbols and resolutions is stored between two starts, both included.
SELECT EXISTS (
    SELECT FROM market.bars
    WHERE symbol = ANY (%(symbols)s::text[]) AND resolution = ANY (%(resolutions)s::text[])
      AND starts_at BETWEEN %(first_at)s::timestamptz AND %(last_at)s::timestamptz
);

-- name: add_first_bars
-- Move a delivery's accepted bars from staging to market where none of their span is stored and no key comes twice:
-- nothing to sort, look up or compare.
INSERT INTO market.bars (symbol, resolution, starts_at, ends_at, open, high, low, close, volume,
                         source, known_at, revision, response_id)
SELECT symbol, resolution, starts_at, ends_at, open, high, low, close, volume, %(source)s::text, known_at, 0, response_id
FROM staging.bars
WHERE response_id = %(response_id)s::bigint AND fetched_at = %(fetched_at)s::timestamptz AND rejected IS NULL;

-- name: merge_bars
-- Move a delivery's accepted bars from staging to market. The last of several equal keys counts. A bar whose values
-- equal the newest stored revision is unchanged; other values become the next revision, known from its fetch at the
-- earliest: until then every decision read the older one.
WITH delivered AS (
    SELECT DISTINCT ON (symbol, resolution, starts_at) *
    FROM staging.bars
    WHERE response_id = %(response_id)s::bigint AND fetched_at = %(fetched_at)s::timestamptz AND rejected IS NULL
    ORDER BY symbol, resolution, starts_at, known_at DESC, ctid DESC
), compared AS (
    SELECT d.*, n.revision AS old_revision, n.known_at AS old_known_at,
           (d.ends_at, d.open, d.high, d.low, d.close, d.volume)
           IS NOT DISTINCT FROM
           (n.ends_at, n.open::float8, n.high::float8, n.low::float8, n.close::float8, n.volume::float8) AS is_same
    FROM delivered AS d
    -- One index look-up a row: as a join the planner, which has no statistics yet, repeats all of them for each row.
    LEFT JOIN LATERAL (
        SELECT * FROM market.bars AS b
        WHERE b.symbol = d.symbol AND b.resolution = d.resolution AND b.starts_at = d.starts_at
        ORDER BY b.revision DESC LIMIT 1
    ) AS n ON true
), written AS (
    INSERT INTO market.bars (symbol, resolution, starts_at, ends_at, open, high, low, close, volume,
                             source, known_at, revision, response_id)
    SELECT symbol, resolution, starts_at, ends_at, open, high, low, close, volume, %(source)s::text,
           CASE WHEN old_revision IS NULL THEN known_at
                ELSE greatest(known_at, old_known_at, %(fetched_at)s::timestamptz) END,
           coalesce(old_revision + 1, 0), response_id
    FROM compared WHERE NOT is_same
    RETURNING revision
)
SELECT (SELECT count(*) FROM written WHERE revision = 0) AS stored,
       (SELECT count(*) FROM written WHERE revision > 0) AS revised;

-- name: read_bars
-- Every revision of completed bars known at the cutoff; the reader sorts and keeps the newest. All symbols have one
-- length, so that all rows have one width.
SELECT symbol, revision::int4, starts_at, ends_at, known_at,
       open::float8, high::float8, low::float8, close::float8, volume::float8
FROM market.bars
WHERE symbol = ANY (%(symbols)s::text[]) AND resolution = %(resolution)s::text
  AND starts_at < %(as_of)s::timestamptz AND ends_at <= %(as_of)s::timestamptz
  AND known_at <= %(cutoff_at)s::timestamptz
  AND (revision = 0 OR known_at <= coalesce(%(revised_by)s::timestamptz, 'infinity'))
  AND starts_at >= coalesce(%(since)s::timestamptz, '-infinity');

-- name: last_bar_starts
-- Start of the newest bar of each symbol: from symbol to symbol through the key, without looking at every bar.
WITH RECURSIVE symbols AS (
    (SELECT symbol FROM market.bars ORDER BY symbol LIMIT 1)
    UNION ALL
    SELECT (SELECT b.symbol FROM market.bars AS b WHERE b.symbol > s.symbol ORDER BY b.symbol LIMIT 1)
    FROM symbols AS s WHERE s.symbol IS NOT NULL
)
SELECT s.symbol, newest.starts_at FROM symbols AS s CROSS JOIN LATERAL (
    SELECT b.starts_at FROM market.bars AS b
    WHERE b.symbol = s.symbol AND b.resolution = %(resolution)s::text ORDER BY b.starts_at DESC LIMIT 1
) AS newest;

-- name: bar_source
-- Who said the newest revision of a bar that was known at the cutoff.
SELECT source FROM market.bars
WHERE symbol = %(symbol)s::text AND resolution = %(resolution)s::text AND starts_at = %(starts_at)s::timestamptz
  AND known_at <= %(cutoff_at)s::timestamptz
ORDER BY revision DESC LIMIT 1;

-- name: has_source
-- Whether anything ever came from the source. Every row of market was written beside the row of its reply, of which
-- there is one a delivery: without a finding, all bars would have to be looked at.
SELECT EXISTS (SELECT FROM staging.responses WHERE source = %(source)s::text);

-- name: has_real_book
-- Whether a book of real or paper money lives in this database.
SELECT EXISTS (SELECT FROM desk.books WHERE kind IN ('paper', 'live'));
