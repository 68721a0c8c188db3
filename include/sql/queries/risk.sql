-- name: add_risk
-- Store the risk of a book at a decision; of two copies that decide at once the first is kept, as with the decision.
INSERT INTO desk.risk (decision_id, book, kind, as_of, nav_usd, drawdown_frac, breaker, vix, vix_regime,
                       rebalance_due, detail)
VALUES (%(decision_id)s::text, %(book)s::text, %(kind)s::text, %(as_of)s::timestamptz, %(nav_usd)s::float8,
        %(drawdown_frac)s::float8, %(breaker)s::text, %(vix)s::float8, %(vix_regime)s::text,
        %(rebalance_due)s::text, %(detail)s::jsonb)
ON CONFLICT DO NOTHING;

-- name: newest_risk
-- The youngest risk of a book by an instant; a rebalance comes after the hourly decision of its hour.
SELECT detail FROM desk.risk
WHERE book = %(book)s::text AND (%(until)s::timestamptz IS NULL OR as_of <= %(until)s::timestamptz)
ORDER BY as_of DESC, kind DESC LIMIT 1;

-- name: add_rebalance
-- Store what a rebalance changes, before anything is sent.
INSERT INTO desk.rebalances (decision_id, book, as_of, reason, preview)
VALUES (%(decision_id)s::text, %(book)s::text, %(as_of)s::timestamptz, %(reason)s::text, %(preview)s::jsonb)
ON CONFLICT DO NOTHING;

-- name: read_rebalance
-- The preview of a decision.
SELECT preview FROM desk.rebalances WHERE decision_id = %(decision_id)s::text;

-- name: rebalance_at
-- The youngest preview of a book, or the one of an instant.
SELECT preview FROM desk.rebalances
WHERE book = %(book)s::text AND (%(as_of)s::timestamptz IS NULL OR as_of = %(as_of)s::timestamptz)
ORDER BY as_of DESC LIMIT 1;

-- name: rebalance_due
-- Why the hourly decision of an hour asks for a rebalance; no value if it does not.
SELECT rebalance_due FROM desk.risk
WHERE book = %(book)s::text AND as_of = %(as_of)s::timestamptz AND kind = 'hourly';
