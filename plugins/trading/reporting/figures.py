"""The figures of a run in the order in which people read them, with their names and how each is worded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trading.reporting.wording import Wording, change, days, fall, gain, percent, probability, ratio, whole


@dataclass(frozen=True, slots=True)
class FigureLine:
    """One figure.

    Attributes:
        key: in `ReplayRun.figures`. means: what it is, in one line.
        is_of_curve: whether a benchmark has it too.
    """

    key: str
    name: str
    word: Wording
    means: str
    is_of_curve: bool = True

    def of(self, figures: Mapping[str, float | None]) -> str:
        """Return the figure as text; a dash where it is not defined."""
        return self.word(figures.get(self.key))


LINES = (
    FigureLine("total_frac", "total return", change, "last NAV over starting cash, less 1"),
    FigureLine("cagr_frac", "CAGR", change, "growth a year of 252 sessions"),
    FigureLine("volatility_frac", "volatility", percent, "deviation of daily returns × √252"),
    FigureLine("sharpe", "Sharpe", ratio, "mean daily return over its deviation × √252, rate 0"),
    FigureLine("sortino", "Sortino", ratio, "mean daily return over downside deviation × √252, rate 0"),
    FigureLine("calmar", "Calmar", ratio, "CAGR over the deepest drawdown"),
    FigureLine("drawdown_frac", "max drawdown", fall, "deepest fall from a running peak of closes"),
    FigureLine(
        "drawdown_sessions", "drawdown, sessions", whole, "from that peak until it was reached again, or the end"
    ),
    FigureLine("var_95_frac", "VaR 95, one day", change, "5 % of the sessions were worse; historical"),
    FigureLine("cvar_95_frac", "CVaR 95, one day", change, "mean of those sessions"),
    FigureLine("best_frac", "best session", change, "largest daily return"),
    FigureLine("worst_frac", "worst session", change, "smallest daily return"),
    FigureLine("up_frac", "sessions up", percent, "part of the sessions with a gain"),
    FigureLine("alpha_frac", "alpha to SPY, a year", change, "mean daily return that beta does not explain × 252"),
    FigureLine("beta", "beta to SPY", ratio, "covariance with SPY over SPY's variance, daily"),
    FigureLine("exposure_frac", "exposure", percent, "mean part of NAV that was invested", is_of_curve=False),
    FigureLine(
        "turnover",
        "turnover, one way",
        ratio,
        "smaller of all purchases and sales over mean NAV",
        is_of_curve=False,
    ),
    FigureLine("trades", "closed trades", whole, "positions from entry to last sale", is_of_curve=False),
    FigureLine("hit_frac", "hit rate", percent, "part of the closed trades that gained", is_of_curve=False),
    FigureLine("profit_factor", "profit factor", ratio, "gains over losses of closed trades", is_of_curve=False),
    FigureLine("payoff", "payoff", ratio, "mean gain over mean loss", is_of_curve=False),
    FigureLine("gain_usd", "gain of trades, USD", gain, "closed trades after commission", is_of_curve=False),
    FigureLine("mean_days", "days held", days, "mean calendar days of a closed trade", is_of_curve=False),
    FigureLine("fills", "fills", whole, "executions", is_of_curve=False),
    FigureLine("costs_usd", "commissions, USD", whole, "commissions and fees paid", is_of_curve=False),
    FigureLine(
        "probabilistic_sharpe",
        "probabilistic Sharpe",
        probability,
        "probability that the true Sharpe ratio is over 0",
        is_of_curve=False,
    ),
    FigureLine(
        "deflated_sharpe",
        "deflated Sharpe",
        probability,
        "probability that it beats the best of as many worthless trials",
        is_of_curve=False,
    ),
)
"""Every figure, the most asked for first."""


def benchmark_name(name: str) -> str:
    """Return what people call a benchmark, or a run."""
    return {"list": "the list, held", "SPY": "SPY, held", "QQQ": "QQQ, held"}.get(name, name)
