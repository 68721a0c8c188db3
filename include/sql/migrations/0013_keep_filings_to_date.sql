-- A 10-Q states the year to date beside the quarter: trailing earnings need it as filed, on the share basis of its day.
ALTER TABLE market.filings DROP CONSTRAINT filings_quarters_check;
ALTER TABLE market.filings ADD CONSTRAINT filings_quarters_check CHECK (quarters BETWEEN 1 AND 4);

-- What is known at a session's open was filed the day before at the latest: the share basis is that of the filing day.
ALTER TABLE market.filings ADD COLUMN filed_on date;
ALTER TABLE staging.fundamentals ADD COLUMN filed_on date;
