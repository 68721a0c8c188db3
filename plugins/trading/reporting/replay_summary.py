"""What a replay says in the terminal: the book beside simply holding its list, trades by symbol, and the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from rich.console import Console
from rich.table import Table

from trading.accounting.performance import cagr_frac, daily_returns, max_drawdown_frac, sharpe_ratio, sortino_ratio
from trading.analysis.adjustment import BasisFactors
from trading.analysis.facts import Facts, bar_sessions
from trading.domain.fills import Fill
from trading.domain.instruments import Symbol
from trading.domain.orders import OrderPurpose, Side
from trading.domain.panel import FloatArray
from trading.engine.result import ReplayResult
from trading.reporting.tables import number, table_of


@dataclass(frozen=True, slots=True)
class Figures:
    """An equity curve in numbers; None where it is too short to say.

    Attributes:
        total_frac, cagr_frac, drawdown_frac: fractions. sharpe, sortino: of daily session-close returns × √252, rate 0.
    """

    total_frac: float | None
    cagr_frac: float | None
    sharpe: float | None
    sortino: float | None
    drawdown_frac: float | None


def figures_of(equity_usd: Sequence[float] | FloatArray) -> Figures:
    """Return the figures of session-close equity, the starting equity first."""
    equity = np.asarray(equity_usd, dtype=np.float64)
    if equity.size < 2:
        return Figures(None, None, None, None, None)
    returns = daily_returns(equity)
    total = float(equity[-1] / equity[0] - 1.0)
    return Figures(total, cagr_frac(equity), sharpe_ratio(returns), sortino_ratio(returns), max_drawdown_frac(equity))


def buy_and_hold(facts: Facts, symbols: Sequence[Symbol], sessions: Sequence[date]) -> FloatArray | None:
    """Return the equity of equal parts of `symbols`, bought once and held with dividends; None without prices.

    A symbol without a price at the start joins at its first one; until then its part is cash.
    """
    days = np.array(sessions, dtype="datetime64[D]")
    curves = [c for s in symbols if (c := _growth(facts, s, days)) is not None]
    return np.mean(curves, axis=0) if curves else None


def _growth(facts: Facts, symbol: Symbol, days: np.ndarray[tuple[int], np.dtype[np.datetime64]]) -> FloatArray | None:
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


def print_summary(
    console: Console, title: str, result: ReplayResult, curves: Mapping[str, FloatArray | None], starting_usd: float
) -> None:
    """Print the book beside its comparisons, then what it traded."""
    table = table_of(title, "", "total", "CAGR", "Sharpe", "Sortino", "max drawdown")
    equity = result.curve.session_equity(starting_usd)
    _figure_row(table, str(result.book), figures_of(equity))
    for name, curve in curves.items():
        if curve is None:
            table.add_row(name, "no prices", "", "", "", "")
        else:
            _figure_row(table, name, figures_of(curve))
    console.print(table)
    invested = float(result.curve.invested_frac.mean()) if len(result.curve) else 0.0
    entries = sum(o.purpose is OrderPurpose.ENTRY for o in result.orders)
    console.print(
        f"NAV {equity[-1]:,.2f} USD from {starting_usd:,.0f}; {len(result.fills)} fills of {entries} entries and "
        f"their exits; {sum(result.denials.values())} orders denied; mean invested {invested:.1%}; "
        f"{len(result.curve)} hours"
    )
    console.print(entries_table(result))
    for as_of, sentence in result.state_changes:
        console.print(f"  {as_of:%Y-%m-%d %H:%M} UTC  {sentence}")


def _figure_row(table: Table, name: str, figures: Figures) -> None:
    def percent(value: float | None) -> str:
        return "?" if value is None else f"{value:+.1%}"

    drawdown = "?" if figures.drawdown_frac is None else f"−{figures.drawdown_frac:.1%}"
    ratios = ("?" if r is None else number(round(r, 2)) for r in (figures.sharpe, figures.sortino))
    table.add_row(name, percent(figures.total_frac), percent(figures.cagr_frac), *ratios, drawdown)


def entries_table(result: ReplayResult) -> Table:
    """Return filled entries by symbol and year, with the hours in which the entry rules passed; a zero is shown."""
    years = sorted({int(y) for y in result.curve.session_on.astype("datetime64[Y]").astype(int) + 1970})
    bought = [f for f in result.fills if f.side is Side.BUY]
    table = table_of("filled entries a year", "symbol", *(str(y) for y in years), "all", "hours open")
    hours_open = result.hours_open
    for symbol in result.panel.symbols:
        counts = [_count(bought, symbol, year) for year in years]
        table.add_row(symbol, *(str(c) for c in counts), str(sum(counts)), str(hours_open[symbol]))
    totals = [sum(f.executed_at.year == year for f in bought) for year in years]
    table.add_row("all", *(str(t) for t in totals), str(sum(totals)), str(sum(hours_open.values())))
    return table


def _count(fills: Sequence[Fill], symbol: Symbol, year: int) -> int:
    return sum(f.symbol == symbol and f.executed_at.year == year for f in fills)
