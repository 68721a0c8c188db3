-- name: keep_seen_reply
-- Note that a call was answered with a body that is kept already; no row where it is not.
WITH seen AS (
    UPDATE staging.bodies SET last_kept_at = clock_timestamp() WHERE sha256 = %(sha256)s::bytea RETURNING sha256)
INSERT INTO staging.replies (call_id, sha256) SELECT %(call_id)s::bigint, sha256 FROM seen RETURNING call_id;

-- name: keep_new_reply
-- Keep a body, and note whose answer it was.
WITH kept AS (
    INSERT INTO staging.bodies (sha256, byte_count, body_gzip)
    VALUES (%(sha256)s::bytea, %(byte_count)s::int, %(body_gzip)s::bytea)
    ON CONFLICT (sha256) DO UPDATE SET last_kept_at = clock_timestamp() RETURNING sha256)
INSERT INTO staging.replies (call_id, sha256) SELECT %(call_id)s::bigint, sha256 FROM kept;

-- name: delete_old_replies
-- Forget the replies kept before an instant.
DELETE FROM staging.replies WHERE kept_at < %(before)s::timestamptz;

-- name: delete_unused_bodies
-- Forget the bodies that no reply needs any more. A body in use again meanwhile has a newer instant and stays.
DELETE FROM staging.bodies
WHERE last_kept_at < %(before)s::timestamptz
    AND NOT EXISTS (SELECT FROM staging.replies WHERE replies.sha256 = bodies.sha256);

-- name: add_asked_span
-- Remember that a source answered for a whole span.
INSERT INTO ops.asked_spans (source, kind, symbol, starts_at, ends_at, asked_at)
VALUES (%(source)s::text, %(kind)s::text, %(symbol)s::text, %(starts_at)s::timestamptz, %(ends_at)s::timestamptz,
    %(asked_at)s::timestamptz)
ON CONFLICT (symbol, kind, source, starts_at, ends_at) DO UPDATE SET asked_at = excluded.asked_at;

-- name: asked_spans
-- The spans of a symbol and kind that a source answered for, ascending; the source may be any.
SELECT starts_at, ends_at FROM ops.asked_spans
WHERE symbol = %(symbol)s::text AND kind = %(kind)s::text
    AND (%(source)s::text IS NULL OR source = %(source)s::text)
ORDER BY starts_at;

-- name: last_asked
-- The symbol about which a source was asked last.
SELECT symbol FROM ops.asked_spans
WHERE kind = %(kind)s::text AND source = %(source)s::text
ORDER BY asked_at DESC LIMIT 1;

-- name: symbols_asked
-- The symbols about which a source was asked within a span.
SELECT DISTINCT symbol FROM ops.asked_spans
WHERE kind = %(kind)s::text AND source = %(source)s::text
    AND starts_at BETWEEN %(starts_at)s::timestamptz AND %(ends_at)s::timestamptz;

-- name: delete_old_places
-- Forget where the hourly questions stood; the newest of a kind and source stays.
DELETE FROM ops.asked_spans AS old
WHERE old.kind = ANY (%(kinds)s::text[]) AND old.asked_at < %(before)s::timestamptz
    AND EXISTS (SELECT FROM ops.asked_spans AS newer
                WHERE newer.kind = old.kind AND newer.source = old.source AND newer.asked_at > old.asked_at);

-- name: bar_starts
-- Starts of a symbol's stored bars within a span, as seconds since 1970, ascending; no row's prices are read.
SELECT array_agg(DISTINCT extract(epoch FROM starts_at)::bigint) AS starts FROM market.bars
WHERE symbol = %(symbol)s::text AND resolution = %(resolution)s::text
    AND starts_at >= %(starts_at)s::timestamptz AND starts_at < %(ends_at)s::timestamptz;

-- name: source_rows
-- Rows of each source, and when its newest delivery came.
SELECT source, sum(row_count)::bigint AS row_count, max(newest_at) AS newest_at FROM (
    SELECT source, count(*) AS row_count, NULL::timestamptz AS newest_at FROM market.bars GROUP BY source
    UNION ALL SELECT source, count(*), NULL FROM market.news GROUP BY source
    UNION ALL SELECT source, count(*), NULL FROM market.filings GROUP BY source
    UNION ALL SELECT source, count(*), NULL FROM market.macro GROUP BY source
    UNION ALL SELECT source, count(*), NULL FROM market.earnings GROUP BY source
    UNION ALL SELECT source, count(*), NULL FROM market.corporate_actions GROUP BY source
    UNION ALL SELECT source, 0, max(fetched_at) FROM staging.responses GROUP BY source
) AS counted GROUP BY source ORDER BY source;

-- name: newest_deliveries
-- When each source delivered last; no row of the market is counted.
SELECT source, max(fetched_at) AS newest_at FROM staging.responses GROUP BY source ORDER BY source;

-- name: newest_facts
-- The newest fact of each kind and source: the end of a bar, and when a story or a filing became known. Each is looked
-- up in an index, from symbol to symbol and from source to source.
WITH RECURSIVE bars AS (
    SELECT newest.resolution, newest.source, newest.ends_at
    FROM unnest(%(symbols)s::text[]) AS given (name) CROSS JOIN unnest(%(resolutions)s::text[]) AS bar (length)
    CROSS JOIN LATERAL (
        SELECT b.resolution, b.source, b.ends_at FROM market.bars AS b
        WHERE b.symbol = given.name AND b.resolution = bar.length ORDER BY b.starts_at DESC, b.revision DESC LIMIT 1
    ) AS newest
), news AS (
    (SELECT source, known_at FROM market.news ORDER BY source DESC, known_at DESC LIMIT 1)
    UNION ALL
    SELECT before.source, before.known_at FROM news CROSS JOIN LATERAL (
        SELECT n.source, n.known_at FROM market.news AS n
        WHERE n.source < news.source ORDER BY n.source DESC, n.known_at DESC LIMIT 1
    ) AS before
), filings AS (
    (SELECT source, known_at FROM market.filings ORDER BY source DESC, known_at DESC LIMIT 1)
    UNION ALL
    SELECT before.source, before.known_at FROM filings CROSS JOIN LATERAL (
        SELECT f.source, f.known_at FROM market.filings AS f
        WHERE f.source < filings.source ORDER BY f.source DESC, f.known_at DESC LIMIT 1
    ) AS before
)
SELECT 'bar' AS kind, resolution, source, max(ends_at) AS newest_at FROM bars GROUP BY resolution, source
UNION ALL SELECT 'news', NULL, source, known_at FROM news
UNION ALL SELECT 'filing', NULL, source, known_at FROM filings
ORDER BY kind, resolution, source;
