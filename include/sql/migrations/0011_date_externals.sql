-- On which share basis a foreign quantity counts: a later split reaches shares outside the book as well.
ALTER TABLE ops.externals ADD COLUMN counted_at timestamptz;
UPDATE ops.externals SET counted_at = adopted_at;
ALTER TABLE ops.externals ALTER COLUMN counted_at SET NOT NULL;
