-- name: find_decision
-- The decision of a book, kind and instant.
SELECT decision_id, book, kind, as_of, cutoff_at, session_on, is_closing, strategy, spec_hash, code_version,
       decision_hash, nav_usd, note
FROM desk.decisions WHERE book = %(book)s::text AND kind = %(kind)s::text AND as_of = %(as_of)s::timestamptz;

-- name: newest_decision
-- The youngest decision of a book and kind.
SELECT decision_id, book, kind, as_of, cutoff_at, session_on, is_closing, strategy, spec_hash, code_version,
       decision_hash, nav_usd, note
FROM desk.decisions WHERE book = %(book)s::text AND kind = %(kind)s::text ORDER BY as_of DESC LIMIT 1;

-- name: decision_by_id
-- The decision of that name.
SELECT decision_id, book, kind, as_of, cutoff_at, session_on, is_closing, strategy, spec_hash, code_version,
       decision_hash, nav_usd, note
FROM desk.decisions WHERE decision_id = %(decision_id)s::text;

-- name: newest_decision_until
-- The youngest decision of a book and kind that stands at an instant or before it.
SELECT decision_id, book, kind, as_of, cutoff_at, session_on, is_closing, strategy, spec_hash, code_version,
       decision_hash, nav_usd, note
FROM desk.decisions WHERE book = %(book)s::text AND kind = %(kind)s::text AND as_of <= %(until)s::timestamptz
ORDER BY as_of DESC LIMIT 1;

-- name: add_decision
-- Store the head row once; no row comes back if it is already stored.
INSERT INTO desk.decisions (decision_id, book, kind, as_of, cutoff_at, session_on, is_closing, strategy, spec_hash,
                            code_version, decision_hash, nav_usd, note)
VALUES (%(decision_id)s::text, %(book)s::text, %(kind)s::text, %(as_of)s::timestamptz, %(cutoff_at)s::timestamptz,
        %(session_on)s::date, %(is_closing)s::boolean, %(strategy)s::text, %(spec_hash)s::text,
        %(code_version)s::text, %(decision_hash)s::text, %(nav_usd)s::float8, %(note)s::text)
ON CONFLICT DO NOTHING RETURNING decision_id;

-- name: add_reasons
-- Store every verdict of a decision.
INSERT INTO desk.reasons (decision_id, symbol, rule, role, outcome, observed, threshold, input_at, why)
SELECT %(decision_id)s::text, given.* FROM unnest(
    %(symbol)s::text[], %(rule)s::text[], %(role)s::text[], %(outcome)s::text[],
    %(observed)s::float8[], %(threshold)s::float8[], %(input_at)s::timestamptz[], %(why)s::text[]) AS given;

-- name: add_targets
-- Store the target weights of a decision.
INSERT INTO desk.targets (decision_id, symbol, weight_frac)
SELECT %(decision_id)s::text, given.* FROM unnest(%(symbol)s::text[], %(weight_frac)s::float8[]) AS given;

-- name: read_reasons
-- The verdicts of a decision, of one symbol or of all.
SELECT r.symbol, d.as_of, r.rule, r.role, r.outcome, r.observed, r.threshold, r.input_at, r.why
FROM desk.reasons AS r JOIN desk.decisions AS d USING (decision_id)
WHERE r.decision_id = %(decision_id)s::text AND (%(symbol)s::text IS NULL OR r.symbol = %(symbol)s::text)
ORDER BY r.symbol, r.role, r.rule;

-- name: read_reasons_since
-- The verdicts of a book's decisions of a kind, from an instant on, hour by hour.
SELECT r.symbol, d.as_of, r.rule, r.role, r.outcome, r.observed, r.threshold, r.input_at, r.why
FROM desk.reasons AS r JOIN desk.decisions AS d USING (decision_id)
WHERE d.book = %(book)s::text AND d.kind = %(kind)s::text AND d.as_of >= %(since)s::timestamptz
ORDER BY d.as_of, r.symbol, r.role, r.rule;

-- name: read_targets
-- The target weights of a decision.
SELECT symbol, weight_frac FROM desk.targets WHERE decision_id = %(decision_id)s::text ORDER BY symbol;

-- name: decision_instants
-- When a book's decisions of a kind stand, ascending, as seconds since 1970.
SELECT array_agg(extract(epoch FROM as_of)::bigint ORDER BY as_of) AS instants
FROM desk.decisions WHERE book = %(book)s::text AND kind = %(kind)s::text;

-- name: note_run
-- Remember which run made a decision; the first one stands.
INSERT INTO desk.decision_runs (decision_id, dag_id, run_id)
VALUES (%(decision_id)s::text, %(dag_id)s::text, %(run_id)s::text) ON CONFLICT DO NOTHING;

-- name: note_session_run
-- Remember which run made the decisions of a book's session; the first one stands.
INSERT INTO desk.decision_runs (decision_id, dag_id, run_id)
SELECT decision_id, %(dag_id)s::text, %(run_id)s::text FROM desk.decisions
WHERE book = %(book)s::text AND session_on = %(session_on)s::date ON CONFLICT DO NOTHING;

-- name: run_of_decision
-- The run that made a decision.
SELECT dag_id, run_id FROM desk.decision_runs WHERE decision_id = %(decision_id)s::text;

-- name: decision_of_run
-- The youngest decision that a run made.
SELECT d.decision_id, book, kind, as_of, cutoff_at, session_on, is_closing, strategy, spec_hash, code_version,
       decision_hash, nav_usd, note
FROM desk.decisions AS d JOIN desk.decision_runs AS r USING (decision_id)
WHERE r.dag_id = %(dag_id)s::text AND r.run_id = %(run_id)s::text ORDER BY as_of DESC LIMIT 1;
