-- name: load_state
-- The state after a session.
SELECT state FROM desk.replay_states WHERE book = %(book)s::text AND session_on = %(session_on)s::date;

-- name: first_session
-- The first session of a book.
SELECT min(session_on) FROM desk.nav WHERE book = %(book)s::text;

-- name: save_state
-- Store the state after a session, replacing that of an earlier run.
INSERT INTO desk.replay_states (book, session_on, state)
VALUES (%(book)s::text, %(session_on)s::date, %(state)s::jsonb)
ON CONFLICT (book, session_on) DO UPDATE SET state = excluded.state;

-- name: delete_book
-- Delete a replay book with all its rows, by a function of the owner's that refuses every other kind.
SELECT desk.delete_replay(%(book)s::text);

-- name: add_run
-- Store a run.
INSERT INTO desk.replay_runs (
    name, made_at, strategy, spec_hash, configuration, configuration_hash, data_cutoff_at, code_version, first_on,
    last_on, starting_usd, is_synthetic, sharpe, skew, kurtosis, return_count, figures, search, parameters, session_on,
    nav_usd, cash_usd, benchmarks)
VALUES (
    %(name)s::text, %(made_at)s::timestamptz, %(strategy)s::text, %(spec_hash)s::text,
    %(configuration)s::jsonb, %(configuration_hash)s::text, %(data_cutoff_at)s::timestamptz, %(code_version)s::text,
    %(first_on)s::date, %(last_on)s::date, %(starting_usd)s::float8, %(is_synthetic)s::boolean, %(sharpe)s::float8,
    %(skew)s::float8, %(kurtosis)s::float8, %(return_count)s::int, %(figures)s::jsonb, %(search)s::text,
    %(parameters)s::jsonb, %(session_on)s::date[], %(nav_usd)s::float8[], %(cash_usd)s::float8[],
    %(benchmarks)s::jsonb);

-- name: lock_run_name
-- Let nobody else take a name until this transaction ends.
SELECT pg_advisory_xact_lock(hashtextextended('replay run ' || %(name)s::text, 0));

-- name: name_taken
-- Whether a run or a book has this name.
SELECT EXISTS (SELECT FROM desk.replay_runs WHERE name = %(name)s::text)
    OR EXISTS (SELECT FROM desk.books WHERE book = 'replay:' || %(name)s::text);

-- name: read_runs
-- Runs without their curves, oldest first; of one search, or all.
SELECT name, made_at, strategy, spec_hash, configuration, configuration_hash, data_cutoff_at, code_version,
       first_on, last_on, starting_usd, is_synthetic, sharpe, skew, kurtosis, return_count, figures, search,
       parameters
FROM desk.replay_runs WHERE search = %(search)s::text OR %(search)s::text IS NULL ORDER BY made_at, name;

-- name: run_names
-- Names of the youngest runs that no search made, youngest first.
SELECT name FROM desk.replay_runs WHERE search IS NULL ORDER BY made_at DESC, name LIMIT %(limit)s::int;

-- name: read_run
-- One run with its curves.
SELECT * FROM desk.replay_runs WHERE name = %(name)s::text;

-- name: read_run_trades
-- What a run traded, in the order of its positions' last sales.
SELECT symbol, opened_at, closed_at, quantity, entry_price, exit_price, cost_usd, gain_usd, closed_by
FROM desk.replay_trades WHERE name = %(name)s::text ORDER BY number;

-- name: delete_run
-- Delete a run with its trades; its trial stays.
DELETE FROM desk.replay_runs WHERE name = %(name)s::text;

-- name: log_trial
-- Remember an outcome that was looked at.
INSERT INTO desk.replay_trials (spec_hash, configuration_hash, sharpe, skew, kurtosis, return_count)
VALUES (%(spec_hash)s::text, %(configuration_hash)s::text, %(sharpe)s::float8, %(skew)s::float8, %(kurtosis)s::float8,
        %(return_count)s::int)
ON CONFLICT DO NOTHING;

-- name: read_trials
-- Every outcome that was looked at.
SELECT spec_hash, configuration_hash, sharpe, skew, kurtosis, return_count
FROM desk.replay_trials ORDER BY spec_hash, configuration_hash, sharpe, return_count;

-- name: read_replay_books
-- What the ledger says of replay books: deposits, and the range and code of their decisions.
SELECT b.book, b.strategy, b.spec_hash, coalesce(c.starting_usd, 0)::float8 AS starting_usd, d.code_version,
       d.cutoff_at, d.first_on, d.last_on
FROM desk.books b
CROSS JOIN LATERAL (
    SELECT min(session_on) AS first_on, max(session_on) AS last_on, max(cutoff_at) AS cutoff_at,
           max(code_version) AS code_version
    FROM desk.decisions WHERE book = b.book) d
LEFT JOIN LATERAL (
    SELECT sum(amount_usd) AS starting_usd FROM desk.cash_entries WHERE book = b.book AND kind = 'deposit') c ON true
WHERE b.kind = 'replay' AND d.first_on IS NOT NULL ORDER BY b.book;
