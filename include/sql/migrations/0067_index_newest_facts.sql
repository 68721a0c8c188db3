-- How old the newest story and the newest filing of a source are is asked each hour: a look-up, not a walk over all rows.
CREATE INDEX market_news_source ON market.news (source, known_at);
CREATE INDEX market_filings_source ON market.filings (source, known_at);
