-- The last known surprise beside the multiples; 1 is "no data", true of every row written before.
ALTER TABLE analysis.valuation
    ADD COLUMN earnings_surprise_frac double precision,
    ADD COLUMN earnings_reported_at timestamptz,
    ADD COLUMN why_earnings smallint NOT NULL DEFAULT 1;
