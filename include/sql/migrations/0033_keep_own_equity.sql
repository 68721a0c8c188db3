-- What the strategy's own numbers made of the same test sessions; empty for windows that were tested before.
ALTER TABLE desk.search_outcomes ADD COLUMN own_equity double precision[] NOT NULL DEFAULT '{}';
ALTER TABLE desk.search_outcomes ALTER COLUMN own_equity DROP DEFAULT;
