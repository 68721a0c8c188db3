"""From a panel to the features of a model, and from features to chances: NumPy only, one hour or ten years alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.facts import utc64
from trading.domain.models import ChanceModel, ModelEra, Trees
from trading.domain.panel import FeaturePanel, FloatArray, Why
from trading.domain.signals import canonical

type Feature = Callable[[FeaturePanel], FloatArray]

FEATURES: Mapping[str, Feature] = {
    "price_over_sma_50": lambda p: p.price / p.sma_50 - 1.0,
    "price_over_sma_200": lambda p: p.price / p.sma_200 - 1.0,
    "sma_50_over_200": lambda p: p.sma_50 / p.sma_200 - 1.0,
    "ema_12_over_26": lambda p: p.ema_12 / p.ema_26 - 1.0,
    "macd_over_atr": lambda p: (p.macd - p.macd_signal) / p.atr_14,
    "rsi_14": lambda p: p.rsi_14,
    "atr_over_price": lambda p: p.atr_14 / p.price,
    "volatility": lambda p: p.volatility_frac,
    "sentiment": lambda p: p.sentiment,
    "story_count": lambda p: p.story_count,
    "negative_sources": lambda p: p.negative_source_count,
    "pe_over_sector": lambda p: p.pe_ratio / p.pe_sector_median,
    "earnings_yield": lambda p: p.eps_ttm / p.price,
    "revenue_growth": lambda p: p.revenue_growth_frac,
    "earnings_surprise": lambda p: p.earnings_surprise_frac,
    "vix": lambda p: p.vix,
    "vix_change": lambda p: p.vix_change_frac,
    "cpi_yoy": lambda p: p.cpi_yoy_frac,
    "cpi_rising": lambda p: p.cpi_yoy_frac - p.cpi_yoy_3m_ago_frac,
    "gpr_over_mean": lambda p: p.gpr / p.gpr_mean_12m - 1.0,
}
"""Every input of a model by name; none has a unit of money, so that a split or another symbol changes nothing."""


def feature_matrix(panel: FeaturePanel, names: Sequence[str] = tuple(FEATURES)) -> FloatArray:
    """Return the features of every (time, symbol), shape (times × symbols, features), NaN where unknown."""
    shape = panel.price.shape
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        columns = [np.broadcast_to(FEATURES[name](panel), shape).ravel() for name in names]
    matrix = np.column_stack(columns)
    return np.where(np.isfinite(matrix), matrix, np.nan)


def log_odds(trees: Trees, features: FloatArray) -> FloatArray:
    """Return what the trees say of each row of `features`, shape (rows,); tree by tree, so the same for any rows."""
    rows = np.arange(len(features))
    unknown = np.isnan(features)
    said = np.full(len(features), trees.baseline)
    for root in trees.roots.tolist():
        node = np.full(len(features), root, dtype=np.int32)
        for _ in range(trees.depth):
            column = trees.feature[node]
            with np.errstate(invalid="ignore"):
                is_left = features[rows, column] <= trees.threshold[node]
            is_left |= unknown[rows, column] & trees.missing_left[node]
            node = np.where(is_left, trees.left[node], trees.right[node])
        said += trees.value[node]
    return said


def chances(model: ChanceModel, features: FloatArray) -> FloatArray:
    """Return the calibrated chance [0–1] of each row of `features`, in canonical form."""
    with np.errstate(over="ignore"):
        said = 1.0 / (1.0 + np.exp(-(model.intercept + model.slope * log_odds(model.trees, features))))
    return canonical(said)


def scored(panel: FeaturePanel, eras: Sequence[ModelEra]) -> FeaturePanel:
    """Return the panel with what the model of each hour says; eras ascend, and before the first there is none.

    An hour hears a model only if the session that ended its training is over. A symbol without technicals gets no
    chance, nor does one for which the model answers with anything but a number of 0 to 1.
    """
    if not eras:
        return panel
    shape = panel.price.shape
    chance, why = np.full(shape, np.nan), np.full(shape, np.int8(Why.NO_MODEL))
    seen = np.full(shape, np.datetime64("NaT", "us"))
    starts = [int(np.searchsorted(panel.times, utc64(era.from_at))) for era in eras]
    for era, start, end in zip(eras, starts, [*starts[1:], len(panel)], strict=True):
        if start < end:
            rows = slice(start, end)
            chance[rows], why[rows], seen[rows] = _of_era(_rows(panel, rows), era)
    return replace(panel, model_probability=chance, why_model=why, model_at=seen)


def _rows(panel: FeaturePanel, rows: slice) -> FeaturePanel:
    return panel if rows == slice(0, len(panel)) else panel.between(rows)


def _of_era(panel: FeaturePanel, era: ModelEra) -> tuple[Any, NDArray[np.int8], Any]:
    """Return chances, reasons and the instant of the training for the rows of one era."""
    shape = panel.price.shape
    if era.model is None:
        return np.full(shape, np.nan), np.full(shape, np.int8(era.why)), np.full(shape, np.datetime64("NaT", "us"))
    usable_from = utc64(era.usable_from)
    said = chances(era.model, feature_matrix(panel, era.model.features)).reshape(shape)
    why = np.where((said >= 0.0) & (said <= 1.0), np.int8(Why.KNOWN), np.int8(Why.MODEL_FAILS))
    why = np.where(panel.why_technicals != Why.KNOWN, panel.why_technicals, why)
    why = np.where((panel.times > usable_from)[:, None], why, np.int8(Why.MODEL_TOO_NEW)).astype(np.int8)
    known = why == Why.KNOWN
    return np.where(known, said, np.nan), why, np.where(known, usable_from, np.datetime64("NaT", "us"))
