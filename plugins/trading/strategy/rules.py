"""Rules: each is one expression over a panel, with the value it saw and what it was held against.

PASS of an entry rule lets a symbol in; PASS of an exit rule sells it; PASS of a block stops entries.
An unknown input abstains and says why; nothing here reads a position or a clock.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trading.domain.instruments import Symbol
from trading.domain.panel import CodeArray, FeaturePanel, FloatArray, TimeArray, Why
from trading.domain.signals import Verdicts


def golden_cross(panel: FeaturePanel) -> Verdicts:
    """PASS where the 50-day average stands above the 200-day one."""
    return _verdicts(
        panel, panel.sma_50 > panel.sma_200, panel.sma_50, panel.sma_200, panel.why_technicals, panel.daily_through
    )


def sentiment_above(panel: FeaturePanel, *, threshold: float) -> Verdicts:
    """PASS where the sentiment score, in the mode of the strategy, is above `threshold`."""
    return _verdicts(
        panel, panel.sentiment > threshold, panel.sentiment, threshold, panel.why_sentiment, panel.news_through
    )


def rsi_below(panel: FeaturePanel, *, threshold: float) -> Verdicts:
    """PASS where Wilder's RSI of 14 days [0–100] is below `threshold`."""
    return _verdicts(
        panel, panel.rsi_14 < threshold, panel.rsi_14, threshold, panel.why_technicals, panel.daily_through
    )


CUTS_RISK = frozenset({"negative_news"})
"""Exit rules that flee from a danger; the others end what is done, and could wait."""


def rsi_above(panel: FeaturePanel, *, threshold: float) -> Verdicts:
    """PASS where Wilder's RSI of 14 days [0–100] is above `threshold`."""
    return _verdicts(
        panel, panel.rsi_14 > threshold, panel.rsi_14, threshold, panel.why_technicals, panel.daily_through
    )


def cheaper_than_sector(panel: FeaturePanel) -> Verdicts:
    """PASS where P/E is below the median of the sector's other peers; a company that loses money FAILs."""
    loses_money = (panel.eps_ttm <= 0) & (panel.why_valuation == Why.KNOWN)
    return _verdicts(
        panel,
        (panel.pe_ratio < panel.pe_sector_median) & ~loses_money,
        np.where(loses_money, panel.eps_ttm, panel.pe_ratio),
        np.where(loses_money, 0.0, panel.pe_sector_median),
        panel.why_valuation,
        panel.filing_at,
    )


def macro_supports_metals(panel: FeaturePanel, *, metals: tuple[Symbol, ...], cpi_threshold_frac: float) -> Verdicts:
    """PASS for metals while inflation is high or rising, or geopolitical risk is above its 12-month mean.

    Abstains for every other sector, and where what is known does not support them while the other half is unknown.
    The observed value is CPI year over year.
    """
    is_high = panel.cpi_yoy_frac >= cpi_threshold_frac
    # A month that was never published leaves open whether inflation rises over it.
    knows_cpi = (panel.why_macro == Why.KNOWN) & (is_high | np.isfinite(panel.cpi_yoy_3m_ago_frac))
    knows_gpr = np.isfinite(panel.gpr) & np.isfinite(panel.gpr_mean_12m)
    inflation = is_high | (panel.cpi_yoy_frac > panel.cpi_yoy_3m_ago_frac)
    supports = (knows_cpi & inflation) | (knows_gpr & (panel.gpr > panel.gpr_mean_12m))
    missing = np.where(panel.why_macro == Why.KNOWN, np.int8(Why.NO_DATA), panel.why_macro)
    why_all = np.where(supports | (knows_cpi & knows_gpr), np.int8(Why.KNOWN), missing)
    is_metal = np.array([s in metals for s in panel.symbols])
    why = np.where(is_metal, why_all, np.int8(Why.NOT_APPLICABLE)).astype(np.int8)
    return _verdicts(panel, _wide(panel, supports), panel.cpi_yoy_frac, cpi_threshold_frac, why, panel.macro_at)


def revenue_growing(panel: FeaturePanel, *, threshold: float) -> Verdicts:
    """PASS where revenue of the trailing year is more than `threshold` (part) above the year before, as filed.

    Funds and trusts abstain, and companies without two fresh years on file.
    """
    is_fund = panel.why_valuation == Why.NOT_APPLICABLE
    missing = np.where(is_fund, np.int8(Why.NOT_APPLICABLE), np.int8(Why.NO_REVENUE))
    growth = panel.revenue_growth_frac
    why = np.where(np.isfinite(growth), np.int8(Why.KNOWN), missing).astype(np.int8)
    return _verdicts(panel, growth > threshold, growth, threshold, why, panel.filing_at)


def earnings_surprise_above(panel: FeaturePanel, *, threshold: float) -> Verdicts:
    """PASS where the last reported EPS beat what was expected of it by more than `threshold`, a part of that.

    Abstains for funds, without a report, and 120 days after the last one: a newer one is missing then.
    """
    surprise = panel.earnings_surprise_frac
    return _verdicts(panel, surprise > threshold, surprise, threshold, panel.why_earnings, panel.earnings_reported_at)


def model_agrees(panel: FeaturePanel, *, threshold: float) -> Verdicts:
    """PASS where the promoted model gives an entry a better chance to gain than `threshold` [0–1]."""
    return _verdicts(
        panel, panel.model_probability > threshold, panel.model_probability, threshold, panel.why_model, panel.model_at
    )


def negative_news(panel: FeaturePanel, *, threshold: float, sources: int) -> Verdicts:
    """PASS where the evidence is at or under `threshold`, or `sources` sources carry a story that bad within a day.

    It is evidence in every mode: a low rank among good weeks is no event.
    """
    told_by_enough = panel.negative_source_count >= sources
    # Two bad stories are an event even where three are too few for a score.
    is_known = told_by_enough | ~np.isnan(panel.evidence)
    why = np.where(is_known, np.int8(Why.KNOWN), panel.why_sentiment).astype(np.int8)
    bad = (panel.evidence <= threshold) | told_by_enough
    return _verdicts(panel, bad, panel.evidence, threshold, why, panel.news_through)


def vix_above(panel: FeaturePanel, *, threshold: float) -> Verdicts:
    """PASS while the VIX [points] is above `threshold`."""
    return _verdicts(panel, _wide(panel, panel.vix > threshold), panel.vix, threshold, panel.why_vix, panel.vix_at)


def price_not_fresh(panel: FeaturePanel) -> Verdicts:
    """PASS where the last price is missing, stale or parked."""
    unfit = panel.why_price != Why.KNOWN
    known = np.zeros_like(panel.why_price)
    verdicts = _verdicts(panel, unfit, panel.price, np.nan, known, panel.price_at)
    return replace(verdicts, why=panel.why_price)


def _wide(panel: FeaturePanel, market_wide: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.broadcast_to(market_wide, panel.price.shape)


def _verdicts(
    panel: FeaturePanel,
    passes: NDArray[np.bool_],
    observed: FloatArray,
    threshold: FloatArray | float,
    why: CodeArray,
    input_at: TimeArray,
) -> Verdicts:
    shape = panel.price.shape
    reasons = np.broadcast_to(why, shape)
    abstains = reasons != Why.KNOWN
    return Verdicts(
        np.asarray(passes & ~abstains),
        abstains,
        np.broadcast_to(observed, shape),
        np.broadcast_to(np.asarray(threshold, dtype=np.float64), shape),
        np.broadcast_to(input_at, shape),
        reasons,
    )
