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
