-- Spans were remembered as answered in full although bars in them had been refused, the broker had been asked for a part
-- only, or a list had been cut off: what they cover is asked for once more.
DELETE FROM ops.asked_spans
WHERE kind IN ('1d', '30m') OR source = 'edgar_8k' OR (source = 'alphavantage' AND kind = 'news');
