-- What each story gave to a symbol's score at an hour, and who scored it; the evidence beside the score of another mode.
CREATE TABLE analysis.story_scores (
    symbol text NOT NULL, as_of timestamptz NOT NULL, cutoff_at timestamptz NOT NULL, item_id text NOT NULL,
    source text NOT NULL, known_at timestamptz NOT NULL,
    compound double precision NOT NULL CHECK (compound BETWEEN -1 AND 1),
    weight double precision NOT NULL CHECK (weight BETWEEN 0 AND 1),
    scored_by text NOT NULL,
    PRIMARY KEY (as_of, cutoff_at, symbol, item_id)
);

ALTER TABLE analysis.sentiment ADD COLUMN evidence double precision;
-- Rows written before have the one mode that there was.
UPDATE analysis.sentiment SET evidence = sentiment;
