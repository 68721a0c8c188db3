-- name: add_model
-- Store a model once.
INSERT INTO analysis.models
    (model_id, kind, file_name, sha256, features, train_first_on, train_last_on, usable_from, label, metrics, library,
     strategy, spec_hash, code_version, is_synthetic, created_at)
VALUES (%(model_id)s::text, %(kind)s::text, %(file_name)s::text, %(sha256)s::text, %(features)s::text[],
        %(train_first_on)s::date, %(train_last_on)s::date, %(usable_from)s::timestamptz, %(label)s::jsonb,
        %(metrics)s::jsonb, %(library)s::text, %(strategy)s::text, %(spec_hash)s::text, %(code_version)s::text,
        %(is_synthetic)s::boolean, %(created_at)s::timestamptz)
ON CONFLICT (model_id) DO NOTHING;

-- name: load_model
-- A model by its id.
SELECT * FROM analysis.models WHERE model_id = %(model_id)s::text;

-- name: all_models
-- Every model, the newest first.
SELECT * FROM analysis.models ORDER BY created_at DESC, model_id;

-- name: add_model_event
-- Store what happened to a model.
INSERT INTO analysis.model_events (action, model_id, champion_id, at, actor, reason)
VALUES (%(action)s::text, %(model_id)s::text, %(champion_id)s::text, %(at)s::timestamptz, %(actor)s::text,
        %(reason)s::text);

-- name: model_events
-- What happened to models until an instant.
SELECT action, model_id, champion_id, at, actor, reason
FROM analysis.model_events WHERE at <= %(until)s::timestamptz ORDER BY at, event_id;
