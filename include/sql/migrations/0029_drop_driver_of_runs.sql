-- Stored runs are made in one process, books of hourly_replay live in the ledger, and searches keep trials of their own:
-- a run that takes a search's best numbers names it, and has no other parent.
ALTER TABLE desk.replay_runs DROP COLUMN driver, DROP COLUMN parent;
