"""From a replay to its figures, and from figures to the score of a trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from trading.accounting.performance import daily_returns, figures_of
from trading.accounting.trials import trial_of
from trading.domain.orders import Side
from trading.domain.panel import FloatArray
from trading.domain.replays import Trial
from trading.domain.searches import Figures, Objective
from trading.engine.result import ReplayResult

_FIGURE: Mapping[Objective, str] = {
    Objective.SHARPE: "sharpe",
    Objective.SORTINO: "sortino",
    Objective.CALMAR: "calmar",
    Objective.CAGR: "cagr_frac",
    Objective.TOTAL: "total_frac",
}


def figures_of_result(result: ReplayResult) -> Figures:
    """Return the figures of a replay: see `figures_of_curve`."""
    entries = {fill.order_id for fill in result.fills if fill.side is Side.BUY}
    equity = result.curve.session_equity(result.starting_usd)
    return figures_of_curve(equity, result.curve.exposure_frac or 0.0, len(entries))


def figures_of_curve(equity_usd: FloatArray, exposure_frac: float, entry_count: int) -> Figures:
    """Return what `performance.figures_of` says of session-close equity, and what a deflated Sharpe needs besides.

    session_sharpe, skewness, kurtosis, return_count: as in `domain.replays.Trial`. exposure_frac: mean part of NAV
    that was invested. entries: entries that filled.
    """
    trial = trial_of(daily_returns(equity_usd), spec_hash="", configuration_hash="")
    return {
        **asdict(figures_of(equity_usd)),
        "session_sharpe": trial.sharpe,
        "skewness": trial.skew,
        "kurtosis": trial.kurtosis,
        "return_count": trial.return_count,
        "exposure_frac": exposure_frac,
        "entries": entry_count,
    }


def trial_from(figures: Figures, *, spec_hash: str, configuration_hash: str) -> Trial:
    """Return what the figures of a replay add to the trials that a deflated Sharpe ratio counts."""
    return Trial(
        spec_hash,
        configuration_hash,
        sharpe=figures["session_sharpe"],
        skew=figures["skewness"],
        kurtosis=figures["kurtosis"],
        return_count=int(figures["return_count"] or 0),
    )


def score_of(figures: Figures, objective: Objective, min_entry_count: int) -> tuple[float | None, str | None]:
    """Return the score of a trial, or None and why it does not count."""
    entries = int(figures["entries"] or 0)
    if entries < min_entry_count:
        return None, f"entries that filled: {entries}, under {min_entry_count}, too few to say anything"
    value = value_of(figures, objective)
    return (value, None) if value is not None else (None, f"no {objective}: the equity never moved or never fell")


def value_of(figures: Figures, objective: Objective) -> float | None:
    """Return the figure that `objective` names."""
    return figures[_FIGURE[objective]]
