"""Figures of an equity curve, with the definitions that empyrical, quantstats and ffn share.

Returns are session-close to session-close; a year has 252 sessions. Hourly returns are never annualised. What is not
defined (a ratio without variance, a drawdown of nothing) is None, never 0 or infinite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

SESSIONS_PER_YEAR = 252

type Floats = NDArray[np.float64]


def daily_returns(equity_usd: ArrayLike) -> Floats:
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


def cagr_frac(equity_usd: Sequence[float] | ArrayLike, *, periods_per_year: int = SESSIONS_PER_YEAR) -> float | None:
    """Return the compound growth a year, (1 + R)^(252/n) − 1; None for under two points."""
    equity = np.asarray(equity_usd, dtype=np.float64)
    if equity.size < 2:
        return None
    return float((equity[-1] / equity[0]) ** (periods_per_year / (equity.size - 1)) - 1.0)


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall from a running peak.

    Attributes:
        frac: fraction of the peak [0–1].
        peak, trough: indices into the equity. recovery: index of the first close at or over the peak, None if it never
            came.
        sessions: from the peak to the recovery, or to the end.
    """

    frac: float
    peak: int
    trough: int
    recovery: int | None
    sessions: int


def max_drawdown(equity_usd: Sequence[float] | ArrayLike) -> Drawdown | None:
    """Return the deepest fall, the earliest of equal ones; the starting equity counts as a peak. None without one."""
    equity = np.asarray(equity_usd, dtype=np.float64)
    fall = drawdowns(equity)
    if fall.size == 0 or (deepest := float(fall.max())) <= 0.0:
        return None
    trough = int(fall.argmax())
    peak = int(equity[: trough + 1].argmax())
    later = np.flatnonzero(equity[trough:] >= equity[peak])
    recovery = trough + int(later[0]) if later.size else None
    return Drawdown(deepest, peak, trough, recovery, (equity.size - 1 if recovery is None else recovery) - peak)


def drawdowns(equity_usd: Sequence[float] | ArrayLike) -> Floats:
    """Return the fall from the running peak at each point, fractions [0–1]."""
    equity = np.asarray(equity_usd, dtype=np.float64)
    return np.asarray(1.0 - equity / np.maximum.accumulate(equity)) if equity.size else equity


def tail(returns: Sequence[float] | ArrayLike, *, frac: float = 0.05) -> tuple[float, float] | None:
    """Return historical value at risk and conditional value at risk as returns of one session (losses are negative).

    The first is the quantile `frac` with linear interpolation, the second the mean of what is not above it.
    """
    r = np.asarray(returns, dtype=np.float64)
    if r.size < 2:
        return None
    quantile = float(np.quantile(r, frac))
    return quantile, float(r[r <= quantile].mean())


def alpha_beta(
    returns: Sequence[float] | ArrayLike, market: Sequence[float] | ArrayLike
) -> tuple[float | None, float | None]:
    """Return Jensen's alpha a year (mean daily alpha × 252) and beta of daily returns to those of a market, rate 0."""
    r, m = np.asarray(returns, dtype=np.float64), np.asarray(market, dtype=np.float64)
    if r.size < 2 or r.size != m.size or (variance := float(m.var(ddof=1))) == 0.0:
        return None, None
    beta = float(np.cov(r, m, ddof=1)[0, 1]) / variance
    return float(r.mean() - beta * m.mean()) * SESSIONS_PER_YEAR, beta


@dataclass(frozen=True, slots=True)
class Figures:
    """An equity curve in numbers; None where it does not say.

    Attributes:
        total_frac, cagr_frac, volatility_frac, drawdown_frac: fractions; the drawdown is positive.
        sharpe, sortino, calmar: annualised, rate 0.
        drawdown_sessions: peak to recovery of the deepest fall, or to the end.
        var_95_frac, cvar_95_frac, best_frac, worst_frac: returns of one session.
        up_frac: part of the sessions that gained.
        alpha_frac, beta: to the market given.
    """

    total_frac: float | None = None
    cagr_frac: float | None = None
    volatility_frac: float | None = None
    sharpe: float | None = None
    sortino: float | None = None
    calmar: float | None = None
    drawdown_frac: float | None = None
    drawdown_sessions: int | None = None
    var_95_frac: float | None = None
    cvar_95_frac: float | None = None
    best_frac: float | None = None
    worst_frac: float | None = None
    up_frac: float | None = None
    alpha_frac: float | None = None
    beta: float | None = None


def figures_of(
    equity_usd: Sequence[float] | ArrayLike, *, market: Sequence[float] | ArrayLike | None = None
) -> Figures:
    """Return the figures of session-close equity, the starting equity first.

    Args:
        market: equity of what alpha and beta are measured against, of the same length; None for no such figures.
    """
    equity = np.asarray(equity_usd, dtype=np.float64)
    if equity.size < 2:
        return Figures()
    returns = daily_returns(equity)
    growth, fall = cagr_frac(equity), max_drawdown(equity)
    at_risk = tail(returns) or (None, None)
    alpha, beta = (None, None) if market is None else alpha_beta(returns, daily_returns(market))
    return Figures(
        total_frac=float(equity[-1] / equity[0] - 1.0),
        cagr_frac=growth,
        volatility_frac=float(returns.std(ddof=1)) * math.sqrt(SESSIONS_PER_YEAR) if returns.size > 1 else None,
        sharpe=sharpe_ratio(returns),
        sortino=sortino_ratio(returns),
        calmar=None if fall is None or growth is None else growth / fall.frac,
        drawdown_frac=0.0 if fall is None else fall.frac,
        drawdown_sessions=0 if fall is None else fall.sessions,
        var_95_frac=at_risk[0],
        cvar_95_frac=at_risk[1],
        best_frac=float(returns.max()),
        worst_frac=float(returns.min()),
        up_frac=float((returns > 0).mean()),
        alpha_frac=alpha,
        beta=beta,
    )
