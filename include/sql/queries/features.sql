-- name: write_technicals
-- Prices and technicals of one instant; a rerun replaces them.
INSERT INTO analysis.technicals
    (symbol, as_of, cutoff_at, price, daily_priced, price_at, why_price, sma_50, sma_200, ema_12, ema_26, macd, macd_signal, rsi_14,
     atr_14, volatility_frac, daily_bar_count, daily_through, why_technicals)
SELECT given.symbol, %(as_of)s::timestamptz, %(cutoff_at)s::timestamptz, price, daily_priced, price_at, why_price, sma_50, sma_200,
       ema_12, ema_26, macd, macd_signal, rsi_14, atr_14, volatility_frac, daily_bar_count, daily_through,
       why_technicals
FROM unnest(%(symbol)s::text[], %(price)s::float8[], %(daily_priced)s::float8[], %(price_at)s::timestamptz[], %(why_price)s::smallint[],
            %(sma_50)s::float8[], %(sma_200)s::float8[], %(ema_12)s::float8[], %(ema_26)s::float8[],
            %(macd)s::float8[], %(macd_signal)s::float8[], %(rsi_14)s::float8[], %(atr_14)s::float8[],
            %(volatility_frac)s::float8[], %(daily_bar_count)s::float8[], %(daily_through)s::timestamptz[],
            %(why_technicals)s::smallint[])
     AS given (symbol, price, daily_priced, price_at, why_price, sma_50, sma_200, ema_12, ema_26, macd, macd_signal, rsi_14, atr_14,
               volatility_frac, daily_bar_count, daily_through, why_technicals)
ON CONFLICT (symbol, as_of, cutoff_at) DO UPDATE
SET price = excluded.price, daily_priced = excluded.daily_priced, price_at = excluded.price_at, why_price = excluded.why_price, sma_50 = excluded.sma_50,
    sma_200 = excluded.sma_200, ema_12 = excluded.ema_12, ema_26 = excluded.ema_26, macd = excluded.macd,
    macd_signal = excluded.macd_signal, rsi_14 = excluded.rsi_14, atr_14 = excluded.atr_14,
    volatility_frac = excluded.volatility_frac, daily_bar_count = excluded.daily_bar_count,
    daily_through = excluded.daily_through, why_technicals = excluded.why_technicals;

-- name: write_sentiment
-- News scores of one instant; a rerun replaces them.
INSERT INTO analysis.sentiment
    (symbol, as_of, cutoff_at, sentiment, evidence, story_count, negative_source_count, news_through, why_sentiment)
SELECT given.symbol, %(as_of)s::timestamptz, %(cutoff_at)s::timestamptz, score, evidence, story_count,
       negative_source_count, news_through, why_sentiment
FROM unnest(%(symbol)s::text[], %(sentiment)s::float8[], %(evidence)s::float8[], %(story_count)s::float8[],
            %(negative_source_count)s::float8[], %(news_through)s::timestamptz[], %(why_sentiment)s::smallint[])
     AS given (symbol, score, evidence, story_count, negative_source_count, news_through, why_sentiment)
ON CONFLICT (symbol, as_of, cutoff_at) DO UPDATE
SET sentiment = excluded.sentiment, evidence = excluded.evidence, story_count = excluded.story_count,
    negative_source_count = excluded.negative_source_count, news_through = excluded.news_through,
    why_sentiment = excluded.why_sentiment;

-- name: write_valuation
-- Earnings multiples and surprises of one instant; a rerun replaces them.
INSERT INTO analysis.valuation
    (symbol, as_of, cutoff_at, pe_ratio, pe_sector_median, eps_ttm, revenue_growth_frac, filing_at, why_valuation,
     earnings_surprise_frac, earnings_reported_at, why_earnings)
SELECT given.symbol, %(as_of)s::timestamptz, %(cutoff_at)s::timestamptz, pe_ratio, pe_sector_median, eps_ttm,
       revenue_growth_frac, filing_at, why_valuation, earnings_surprise_frac, earnings_reported_at, why_earnings
FROM unnest(%(symbol)s::text[], %(pe_ratio)s::float8[], %(pe_sector_median)s::float8[], %(eps_ttm)s::float8[],
            %(revenue_growth_frac)s::float8[], %(filing_at)s::timestamptz[], %(why_valuation)s::smallint[],
            %(earnings_surprise_frac)s::float8[], %(earnings_reported_at)s::timestamptz[],
            %(why_earnings)s::smallint[])
     AS given (symbol, pe_ratio, pe_sector_median, eps_ttm, revenue_growth_frac, filing_at, why_valuation,
               earnings_surprise_frac, earnings_reported_at, why_earnings)
ON CONFLICT (symbol, as_of, cutoff_at) DO UPDATE
SET pe_ratio = excluded.pe_ratio, pe_sector_median = excluded.pe_sector_median, eps_ttm = excluded.eps_ttm,
    revenue_growth_frac = excluded.revenue_growth_frac, filing_at = excluded.filing_at,
    why_valuation = excluded.why_valuation, earnings_surprise_frac = excluded.earnings_surprise_frac,
    earnings_reported_at = excluded.earnings_reported_at, why_earnings = excluded.why_earnings;

-- name: write_risk
-- Market-wide facts of one instant; a rerun replaces them.
INSERT INTO analysis.risk
    (symbol, as_of, cutoff_at, vix, vix_change_frac, vix_at, why_vix, cpi_yoy_frac, cpi_yoy_3m_ago_frac, gpr,
     gpr_mean_12m, macro_at, why_macro)
SELECT given.symbol, %(as_of)s::timestamptz, %(cutoff_at)s::timestamptz, vix, vix_change_frac, vix_at, why_vix,
       cpi_yoy_frac, cpi_yoy_3m_ago_frac, gpr, gpr_mean_12m, macro_at, why_macro
FROM unnest(%(symbol)s::text[], %(vix)s::float8[], %(vix_change_frac)s::float8[], %(vix_at)s::timestamptz[],
            %(why_vix)s::smallint[], %(cpi_yoy_frac)s::float8[], %(cpi_yoy_3m_ago_frac)s::float8[],
            %(gpr)s::float8[], %(gpr_mean_12m)s::float8[], %(macro_at)s::timestamptz[], %(why_macro)s::smallint[])
     AS given (symbol, vix, vix_change_frac, vix_at, why_vix, cpi_yoy_frac, cpi_yoy_3m_ago_frac, gpr, gpr_mean_12m,
               macro_at, why_macro)
ON CONFLICT (symbol, as_of, cutoff_at) DO UPDATE
SET vix = excluded.vix, vix_change_frac = excluded.vix_change_frac, vix_at = excluded.vix_at,
    why_vix = excluded.why_vix, cpi_yoy_frac = excluded.cpi_yoy_frac,
    cpi_yoy_3m_ago_frac = excluded.cpi_yoy_3m_ago_frac, gpr = excluded.gpr, gpr_mean_12m = excluded.gpr_mean_12m,
    macro_at = excluded.macro_at, why_macro = excluded.why_macro;

-- name: read_technicals
-- Prices and technicals of one instant.
SELECT * FROM analysis.technicals WHERE as_of = %(as_of)s::timestamptz AND cutoff_at = %(cutoff_at)s::timestamptz;

-- name: read_sentiment
-- News scores of one instant.
SELECT * FROM analysis.sentiment WHERE as_of = %(as_of)s::timestamptz AND cutoff_at = %(cutoff_at)s::timestamptz;

-- name: forget_story_scores
-- What an earlier run of the same instant said of its stories; a rerun replaces it.
DELETE FROM analysis.story_scores WHERE as_of = %(as_of)s::timestamptz AND cutoff_at = %(cutoff_at)s::timestamptz;

-- name: write_story_scores
-- What each story gave at one instant.
INSERT INTO analysis.story_scores (symbol, as_of, cutoff_at, item_id, source, known_at, compound, weight, scored_by)
SELECT symbol, %(as_of)s::timestamptz, %(cutoff_at)s::timestamptz, item_id, source, known_at, compound, weight,
       scored_by
FROM unnest(%(symbol)s::text[], %(item_id)s::text[], %(source)s::text[], %(known_at)s::timestamptz[],
            %(compound)s::float8[], %(weight)s::float8[], %(scored_by)s::text[])
     AS given (symbol, item_id, source, known_at, compound, weight, scored_by);

-- name: read_story_scores
-- What each story gave to a symbol's score at one instant, the newest first.
SELECT score.symbol, score.item_id, score.source, score.known_at, news.title, score.compound, score.weight,
       score.scored_by
FROM analysis.story_scores score JOIN market.news news USING (item_id)
WHERE score.symbol = %(symbol)s::text AND score.as_of = %(as_of)s::timestamptz
  AND score.cutoff_at = %(cutoff_at)s::timestamptz AND news.known_at <= %(cutoff_at)s::timestamptz
ORDER BY score.known_at DESC, score.item_id;

-- name: read_valuation
-- Earnings multiples of one instant.
SELECT * FROM analysis.valuation WHERE as_of = %(as_of)s::timestamptz AND cutoff_at = %(cutoff_at)s::timestamptz;

-- name: read_risk
-- Market-wide facts of one instant.
SELECT * FROM analysis.risk WHERE as_of = %(as_of)s::timestamptz AND cutoff_at = %(cutoff_at)s::timestamptz;

-- name: write_chances
-- What the model said of one instant; a rerun replaces it.
INSERT INTO analysis.chances (symbol, as_of, cutoff_at, model_probability, model_at, why_model, model_id)
SELECT given.symbol, %(as_of)s::timestamptz, %(cutoff_at)s::timestamptz, chance, model_at, why_model, %(model_id)s::text
FROM unnest(%(symbol)s::text[], %(model_probability)s::float8[], %(model_at)s::timestamptz[],
            %(why_model)s::smallint[]) AS given (symbol, chance, model_at, why_model)
ON CONFLICT (symbol, as_of, cutoff_at) DO UPDATE
SET model_probability = excluded.model_probability, model_at = excluded.model_at, why_model = excluded.why_model,
    model_id = excluded.model_id;

-- name: read_chances
-- What the model said of one instant.
SELECT * FROM analysis.chances WHERE as_of = %(as_of)s::timestamptz AND cutoff_at = %(cutoff_at)s::timestamptz;
