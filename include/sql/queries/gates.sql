-- name: add_park_events
-- Close and open gates; what already is so is left out, and the events that changed something come back.
WITH given AS (
    SELECT * FROM unnest(%(symbols)s::text[], %(gates)s::text[], %(parked)s::boolean[], %(details)s::text[],
                         %(actors)s::text[], %(instants)s::timestamptz[])
        WITH ORDINALITY AS g (symbol, gate, is_parked, reason, actor, happened_at, position)
), latest AS (
    SELECT DISTINCT ON (symbol, gate) symbol, gate, is_parked FROM market.parked
    WHERE symbol = ANY (%(symbols)s::text[]) ORDER BY symbol, gate, event_id DESC
)
INSERT INTO market.parked (symbol, gate, is_parked, reason, actor, happened_at)
SELECT symbol, gate, given.is_parked, reason, actor, happened_at
FROM given LEFT JOIN latest USING (symbol, gate)
WHERE given.is_parked IS DISTINCT FROM coalesce(latest.is_parked, false)
ORDER BY position
RETURNING event_id, symbol, gate, is_parked, reason AS detail, actor, happened_at AS at;

-- name: parked
-- The gates that hold symbols now, with what was seen and since when.
SELECT symbol, gate, reason AS detail, happened_at AS since, actor FROM (
    SELECT DISTINCT ON (symbol, gate) * FROM market.parked ORDER BY symbol, gate, event_id DESC
) AS latest WHERE is_parked ORDER BY symbol, happened_at, gate;

-- name: released_by_person
-- Symbols whose latest event of a gate is a person's release.
SELECT symbol, happened_at FROM (
    SELECT DISTINCT ON (symbol) * FROM market.parked WHERE gate = %(gate)s::text ORDER BY symbol, event_id DESC
) AS latest WHERE NOT is_parked AND actor LIKE %(person)s::text || '%%';

-- name: suspect_actions
-- Splits and dividends known at the cutoff that prices do not bear out, or leave open.
SELECT symbol, kind, ex_on, value, source, known_at FROM market.actions_known(%(cutoff_at)s::timestamptz)
WHERE state <> 'confirmed' ORDER BY ex_on, symbol, kind;

-- name: add_action_state
-- Judge an action unless it already is judged so; without a judgement it is confirmed. A person's word stands
-- against every rule.
WITH latest AS (
    SELECT state, actor LIKE %(person)s::text || '%%' AS is_by_person FROM market.action_states
    WHERE symbol = %(symbol)s::text AND kind = %(kind)s::text AND ex_on = %(ex_on)s::date
    ORDER BY event_id DESC LIMIT 1
)
INSERT INTO market.action_states (symbol, kind, ex_on, state, known_at, detail, actor)
SELECT %(symbol)s::text, %(kind)s::text, %(ex_on)s::date, %(state)s::text, %(known_at)s::timestamptz, %(detail)s::text,
       %(actor)s::text
WHERE CASE WHEN %(actor)s::text LIKE %(person)s::text || '%%' THEN true
           WHEN (SELECT is_by_person FROM latest) THEN false
           ELSE %(state)s::text IS DISTINCT FROM coalesce((SELECT state FROM latest), 'confirmed') END;

-- name: split_judgements
-- The newest judgement of each split.
SELECT DISTINCT ON (symbol, ex_on) symbol, ex_on, state, detail, actor FROM market.action_states
WHERE kind = 'split' ORDER BY symbol, ex_on, event_id DESC;

-- name: add_session_notice
-- Keep a notice, or that it is no longer in force, unless it already stands so.
INSERT INTO market.session_notices (source, session_on, closes_at, is_in_force, known_at)
SELECT %(source)s::text, %(session_on)s::date, %(closes_at)s::timestamptz, %(is_in_force)s::boolean,
       %(known_at)s::timestamptz
WHERE NOT EXISTS (
    SELECT FROM (
        SELECT closes_at, is_in_force FROM market.session_notices
        WHERE source = %(source)s::text AND session_on = %(session_on)s::date ORDER BY event_id DESC LIMIT 1
    ) AS latest
    WHERE is_in_force = %(is_in_force)s::boolean
      AND (NOT is_in_force OR closes_at IS NOT DISTINCT FROM %(closes_at)s::timestamptz));

-- name: session_notices
-- Notices in force at the cutoff, for days from `first_on` on.
SELECT source, session_on, closes_at FROM (
    SELECT DISTINCT ON (source, session_on) * FROM market.session_notices
    WHERE session_on >= %(first_on)s::date AND known_at <= %(cutoff_at)s::timestamptz
    ORDER BY source, session_on, event_id DESC
) AS latest WHERE is_in_force ORDER BY session_on, source;
