-- name: add_search
-- Store a search; the name of an earlier one is left alone.
INSERT INTO desk.searches (name, plan, spec_hash, cutoff_at, code_version, is_synthetic, windows)
VALUES (%(name)s::text, %(plan)s::jsonb, %(spec_hash)s::text, %(cutoff_at)s::timestamptz, %(code_version)s::text,
        %(is_synthetic)s::boolean, %(windows)s::jsonb)
ON CONFLICT (name) DO NOTHING;

-- name: load_search
-- A search by its name.
SELECT name, plan, spec_hash, cutoff_at, code_version, is_synthetic, windows, summary
FROM desk.searches WHERE name = %(name)s::text;

-- name: search_names
-- Every search, the newest first.
SELECT name FROM desk.searches ORDER BY created_at DESC, name;

-- name: add_trial
-- Store a trial once.
INSERT INTO desk.search_trials
    (search, window_number, key, number, parameters, spec_hash, score, why, figures)
VALUES (%(search)s::text, %(window)s::int, %(key)s::text, %(number)s::int, %(parameters)s::jsonb,
        %(spec_hash)s::text, %(score)s::float8, %(why)s::text, %(figures)s::jsonb)
ON CONFLICT (search, window_number, key) DO NOTHING;

-- name: trials
-- Trials of a search, or of one window of it.
SELECT window_number AS window, number, parameters, spec_hash, score, why, figures
FROM desk.search_trials
WHERE search = %(search)s::text AND (%(window)s::int IS NULL OR window_number = %(window)s::int)
ORDER BY window_number, number, key;

-- name: save_outcome
-- Store what became of a window; a later try that says the same again replaces it.
INSERT INTO desk.search_outcomes (search, window_number, winner, train, test, own_test, test_equity, own_equity)
VALUES (%(search)s::text, %(window)s::int, %(winner)s::jsonb, %(train)s::jsonb, %(test)s::jsonb,
        %(own_test)s::jsonb, %(test_equity)s::float8[], %(own_equity)s::float8[])
ON CONFLICT (search, window_number) DO UPDATE
SET winner = excluded.winner, train = excluded.train, test = excluded.test, own_test = excluded.own_test,
    test_equity = excluded.test_equity, own_equity = excluded.own_equity;

-- name: outcomes
-- What became of each window that is done.
SELECT window_number AS window, winner, train, test, own_test, test_equity, own_equity
FROM desk.search_outcomes WHERE search = %(search)s::text ORDER BY window_number;

-- name: finish_search
-- Store what the search says in the end.
UPDATE desk.searches SET summary = %(summary)s::jsonb WHERE name = %(name)s::text;
