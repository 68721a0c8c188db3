"""allocate(): how much of NAV each qualifying name should be."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from trading.domain.instruments import Sector
from trading.domain.panel import FloatArray
from trading.strategy.spec import Sizing


def allocate(
    sizing: Sizing, qualifies: NDArray[np.bool_], volatility_frac: FloatArray, sectors: tuple[Sector, ...]
) -> FloatArray:
    """Return target weights [0–1] of one time; what does not qualify is 0 and stays cash.

    weight = cap × min(1, sector's median volatility ÷ own), floored at the asset floor; then each sector is scaled
    to its cap and the whole to 1 − cash buffer; what falls under the floor is dropped. An unknown volatility counts
    as the median.

    Args:
        qualifies: names that are held or may be entered, shape (symbols,).
        volatility_frac: annualised volatility, NaN where unknown, shape (symbols,).
        sectors: sector of each symbol.
    """
    weights = np.zeros(len(sectors))
    members: dict[Sector, list[int]] = {}
    for column in np.flatnonzero(qualifies).tolist():
        members.setdefault(sectors[column], []).append(column)
    for columns in members.values():
        weights[columns] = _sector_weights(sizing, volatility_frac[columns].tolist())
    if (total := float(weights.sum())) > (limit := 1.0 - sizing.cash_buffer_frac):
        weights *= limit / total
    # A scaled weight may miss the floor by the last bit of a float; that is not "under".
    weights[weights < sizing.asset_floor_frac - 1e-12] = 0.0
    return weights


def in_order(sizing: Sizing, prices: FloatArray, *, nav_usd: float, free_usd: float) -> list[int]:
    """Return which candidates get the asset cap: in their order, while whole shares of it can be paid.

    Args:
        prices: last price of each candidate [USD/share], NaN where unknown.
        free_usd: cash that nothing else has taken; the cash buffer stays in it.
    """
    free = free_usd - sizing.cash_buffer_frac * nav_usd
    with np.errstate(divide="ignore", invalid="ignore"):
        costs = prices * np.floor_divide(sizing.asset_cap_frac * nav_usd, prices)
    fitting = np.flatnonzero((costs > 0) & (costs <= free))
    chosen: list[int] = []
    for place, cost in zip(fitting.tolist(), costs[fitting].tolist(), strict=True):
        if cost <= free:
            chosen.append(place)
            free -= cost
    return chosen


def _sector_weights(sizing: Sizing, volatility_frac: Sequence[float]) -> list[float]:
    median = _median(sorted(v for v in volatility_frac if isfinite(v) and v > 0))
    own = [v if isfinite(v) and v > 0 else median for v in volatility_frac]
    weights = [max(sizing.asset_cap_frac * min(1.0, median / v), sizing.asset_floor_frac) for v in own]
    if (total := sum(weights)) > sizing.sector_cap_frac:
        weights = [weight * (sizing.sector_cap_frac / total) for weight in weights]
    return weights


def _median(ascending: Sequence[float]) -> float:
    if not ascending:
        return 1.0
    middle = len(ascending) // 2
    return ascending[middle] if len(ascending) % 2 else (ascending[middle - 1] + ascending[middle]) / 2
