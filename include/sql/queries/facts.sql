-- name: next_response_id
-- The id of a reply whose rows are copied before its own row is written.
SELECT nextval(pg_get_serial_sequence('staging.responses', 'response_id'));

-- name: add_response
-- One row per vendor reply; everything it brought points to it.
INSERT INTO staging.responses (response_id, source, request, fetched_at, sha256, run_id) OVERRIDING SYSTEM VALUE
VALUES (%(response_id)s::bigint, %(source)s::text, %(request)s::text, %(fetched_at)s::timestamptz, %(sha256)s::text,
        %(run_id)s::text);

-- name: merge_news
-- Stories not seen before; the first delivery of an id stands.
INSERT INTO market.news (item_id, symbols, published_at, known_at, title, source, url, response_id)
SELECT DISTINCT ON (item_id) item_id, symbols, published_at, known_at, title, %(source)s::text, url, response_id
FROM staging.news WHERE response_id = %(response_id)s::bigint
ORDER BY item_id, known_at, ctid
ON CONFLICT DO NOTHING;

-- name: merge_filings
-- Periods as filed: an equal statement is unchanged, another `known_at` is an amendment beside the first.
INSERT INTO market.filings
    (symbol, period_ends_on, quarters, eps_diluted, revenue_usd, source, known_at, filed_on, response_id)
SELECT DISTINCT ON (symbol, period_ends_on, quarters, known_at)
       symbol, period_ends_on, quarters, eps_diluted, revenue_usd, %(source)s::text, known_at, filed_on, response_id
FROM staging.fundamentals WHERE response_id = %(response_id)s::bigint
ORDER BY symbol, period_ends_on, quarters, known_at, ctid
ON CONFLICT DO NOTHING;

-- name: merge_earnings
-- Reports of earnings: an equal one is unchanged, another `known_at` is a revision beside the first.
INSERT INTO market.earnings
    (symbol, period_ends_on, reported_on, eps_reported, eps_estimated, source, known_at, response_id)
SELECT DISTINCT ON (symbol, period_ends_on, known_at)
       symbol, period_ends_on, reported_on, eps_reported, eps_estimated, %(source)s::text, known_at, response_id
FROM staging.earnings WHERE response_id = %(response_id)s::bigint
ORDER BY symbol, period_ends_on, known_at, ctid
ON CONFLICT DO NOTHING;

-- name: merge_macro
-- Values as published: each vintage of a month is a row.
INSERT INTO market.macro (series, period_on, value, source, known_at, response_id)
SELECT DISTINCT ON (series, period_on, known_at)
       series, period_on, value, %(source)s::text, known_at, response_id
FROM staging.macro WHERE response_id = %(response_id)s::bigint
ORDER BY series, period_on, known_at, ctid
ON CONFLICT DO NOTHING;

-- name: merge_actions
-- Splits and dividends not seen before; the first announcement stands.
INSERT INTO market.corporate_actions (symbol, kind, ex_on, value, source, known_at, response_id)
SELECT DISTINCT ON (symbol, kind, ex_on) symbol, kind, ex_on, value, %(source)s::text, known_at, response_id
FROM staging.corporate_actions WHERE response_id = %(response_id)s::bigint
ORDER BY symbol, kind, ex_on, known_at, ctid
ON CONFLICT DO NOTHING;

-- name: read_news
-- Stories published since an instant and known at the cutoff.
SELECT item_id, symbols, published_at, known_at, title, source, url FROM market.news
WHERE published_at >= %(since)s::timestamptz AND known_at <= %(cutoff_at)s::timestamptz
ORDER BY known_at, item_id;

-- name: read_filings
-- Filings known at the cutoff.
SELECT symbol, period_ends_on, quarters, eps_diluted::float8, revenue_usd::float8, source, known_at, filed_on
FROM market.filings
WHERE known_at <= %(cutoff_at)s::timestamptz
ORDER BY known_at, symbol, period_ends_on, quarters;

-- name: read_earnings
-- Reports of earnings known at the cutoff, revisions beside what they revise.
SELECT symbol, period_ends_on, reported_on, eps_reported::float8, eps_estimated::float8, source, known_at
FROM market.earnings
WHERE known_at <= %(cutoff_at)s::timestamptz
ORDER BY known_at, symbol, period_ends_on, source;

-- name: read_macro
-- First publication of each month, among those known at the cutoff.
SELECT series, period_on, value, source, known_at FROM (
    SELECT DISTINCT ON (series, period_on) series, period_on, value::float8 AS value, source, known_at
    FROM market.macro WHERE known_at <= %(cutoff_at)s::timestamptz
    ORDER BY series, period_on, known_at
) AS first_published ORDER BY series, period_on;

-- name: read_actions
-- Splits and dividends known at the cutoff, without those that were suspect then.
SELECT symbol, kind, ex_on, value, source, known_at FROM market.actions_known(%(cutoff_at)s::timestamptz)
WHERE state = 'confirmed'
ORDER BY ex_on, symbol, kind;
