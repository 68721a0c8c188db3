"""What simply holding would have done: the yardstick of every replay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from trading.analysis.adjustment import BasisFactors
from trading.analysis.facts import Facts, bar_sessions
from trading.domain.instruments import Symbol
from trading.domain.panel import FloatArray


def buy_and_hold(facts: Facts, symbols: Sequence[Symbol], sessions: Sequence[date]) -> FloatArray | None:
    """Return the equity of equal parts of `symbols`, bought once and held with dividends; None without prices.

    A symbol without a price at the start joins at its first one; until then its part is cash. Shape (sessions,),
    beginning at 1: USD for each USD that was put in.
    """
    days = np.array(sessions, dtype="datetime64[D]")
    curves = [c for s in symbols if (c := _growth(facts, s, days)) is not None]
    return np.mean(curves, axis=0) if curves else None


def _growth(facts: Facts, symbol: Symbol, days: NDArray[np.datetime64]) -> FloatArray | None:
    daily = facts.daily(symbol)
    if daily is None or len(daily) == 0:
        return None
    factors = BasisFactors.of(daily, [a for a in facts.actions if a.symbol == symbol])
    row = np.searchsorted(bar_sessions(daily), days, side="right") - 1
    if (row < 0).all():
        return None
    close = np.where(row >= 0, (daily.close * factors.of_bars)[np.maximum(row, 0)], np.nan)
    first = close[np.isfinite(close)][0]
    return np.asarray(np.where(np.isfinite(close), close / first, 1.0))
