"""Figures of an equity curve, with the definitions that empyrical, quantstats and ffn share.

Returns are session-close to session-close; a year has 252 sessions. Hourly returns are never annualised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

SESSIONS_PER_YEAR = 252


def daily_returns(equity_usd: ArrayLike) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return r_t = E_t / E_(t−1) − 1 of session-close equity; one shorter than its input."""
    equity = np.asarray(equity_usd, dtype=np.float64)
    return np.asarray(equity[1:] / equity[:-1] - 1.0)


def sharpe_ratio(
    returns: Sequence[float] | ArrayLike, *, periods_per_year: int = SESSIONS_PER_YEAR, risk_free_frac: float = 0.0
) -> float | None:
    """Return mean excess return over its deviation (ddof 1), annualised; None for under two returns or no variance."""
    r = np.asarray(returns, dtype=np.float64) - risk_free_frac / periods_per_year
    if r.size < 2 or (deviation := float(r.std(ddof=1))) == 0.0:
        return None
    return float(r.mean() / deviation * math.sqrt(periods_per_year))


def sortino_ratio(
    returns: Sequence[float] | ArrayLike, *, periods_per_year: int = SESSIONS_PER_YEAR, risk_free_frac: float = 0.0
) -> float | None:
    """Return mean excess return over downside deviation (over all periods), annualised; None without a loss."""
    r = np.asarray(returns, dtype=np.float64) - risk_free_frac / periods_per_year
    if r.size < 2 or (downside := math.sqrt(float(np.mean(np.minimum(r, 0.0) ** 2)))) == 0.0:
        return None
    return float(r.mean() / downside * math.sqrt(periods_per_year))


def max_drawdown_frac(equity_usd: Sequence[float] | ArrayLike) -> float:
    """Return the largest fall from a running peak, as a fraction [0–1]; the starting equity counts as a peak."""
    equity = np.asarray(equity_usd, dtype=np.float64)
    if equity.size == 0:
        return 0.0
    return float(np.max(1.0 - equity / np.maximum.accumulate(equity)))


def cagr_frac(equity_usd: Sequence[float] | ArrayLike, *, periods_per_year: int = SESSIONS_PER_YEAR) -> float | None:
    """Return the compound growth a year, (1 + R)^(252/n) − 1; None for under two points."""
    equity = np.asarray(equity_usd, dtype=np.float64)
    if equity.size < 2:
        return None
    return float((equity[-1] / equity[0]) ** (periods_per_year / (equity.size - 1)) - 1.0)
