"""allocate(): how much of NAV each qualifying name should be."""

from __future__ import annotations

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
    for sector in dict.fromkeys(sectors):
        members = qualifies & np.array([s is sector for s in sectors])
        if not members.any():
            continue
        weights[members] = _sector_weights(sizing, volatility_frac[members])
    if (total := weights.sum()) > (limit := 1.0 - sizing.cash_buffer_frac):
        weights *= limit / total
    # A scaled weight may miss the floor by the last bit of a float; that is not "under".
    weights[weights < sizing.asset_floor_frac - 1e-12] = 0.0
    return weights


def _sector_weights(sizing: Sizing, volatility_frac: FloatArray) -> FloatArray:
    known = volatility_frac[np.isfinite(volatility_frac) & (volatility_frac > 0)]
    median = float(np.median(known)) if known.size else 1.0
    own = np.where(np.isfinite(volatility_frac) & (volatility_frac > 0), volatility_frac, median)
    weights = np.maximum(sizing.asset_cap_frac * np.minimum(1.0, median / own), sizing.asset_floor_frac)
    if (total := float(weights.sum())) > sizing.sector_cap_frac:
        weights = weights * (sizing.sector_cap_frac / total)
    return np.asarray(weights)
