"""Slippage that grows with a symbol's volatility, for `CostModel.slippage_frac`."""

from __future__ import annotations

import numpy as np

from trading.analysis.facts import Facts
from trading.analysis.panel_building import build_panel
from trading.domain.instruments import Symbol
from trading.engine.hours import Terms, Timeline
from trading.strategy.spec import StrategySpec

SESSIONS_A_YEAR = 252


def slippage_by_symbol(
    spec: StrategySpec, facts: Facts, timeline: Timeline, terms: Terms, *, share: float
) -> dict[Symbol, float]:
    """Return `share` × the daily volatility of each symbol as the first decision of `timeline` knows it [0–1].

    A symbol whose volatility is not known then gets the median of the others; nothing where none is known.
    """
    times = timeline.times(terms).take(slice(0, 1))
    panel = build_panel(
        facts,
        spec.universe,
        spec.peers,
        times,
        daily_pricing=terms.daily_pricing,
        sentiment=spec.sentiment,
        groups=("technicals",),
    )
    daily = panel.volatility_frac[0] / np.sqrt(SESSIONS_A_YEAR)
    known = daily[np.isfinite(daily)]
    usual = float(np.median(known)) if len(known) else 0.0
    return {
        symbol: share * (float(one) if np.isfinite(one) else usual)
        for symbol, one in zip(panel.symbols, daily, strict=True)
    }
