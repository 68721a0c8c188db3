"""The charts of a replay's report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trading.accounting.periods import monthly_returns, yearly_returns
from trading.domain.market import SYNTHETIC
from trading.domain.panel import FloatArray
from trading.domain.replays import ReplayRun
from trading.engine.result import ReplayResult
from trading.reporting.attribution import sector_exposure
from trading.reporting.charts import Chart, Days, Event, Grid, Series, TimeChart, linear_axis
from trading.reporting.curve_charts import BOOK, SECTOR_NAMES, fall_chart, growth_chart
from trading.reporting.figures import LINES
from trading.reporting.wording import percent, points, tick_percent

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STRONG_MONTH, _STRONG_YEAR = 0.08, 0.3
"""Returns at which the colour is full."""
_TILES = ("total_frac", "cagr_frac", "sharpe", "drawdown_frac", "exposure_frac", "trades")


def curves_of(run: ReplayRun) -> tuple[Days, dict[str, FloatArray]]:
    """Return sessions, and growth of 1 USD of the book and of each benchmark at their closes, the book first."""
    if run.equity is None:
        return np.array([], dtype="datetime64[D]"), {}
    days = np.array(run.equity.session_on, dtype="datetime64[D]")
    book = np.array(run.equity.nav_usd) / run.starting_usd
    return days, {BOOK: book, **{name: np.array(growth) for name, growth in run.equity.benchmarks.items()}}


def equity_charts(run: ReplayRun, result: ReplayResult | None = None) -> tuple[TimeChart, TimeChart]:
    """Return growth of the book beside the benchmarks, and the fall of each from its highest close.

    With the replay itself also where its breaker turned, and the fall from which it trips.
    """
    days, curves = curves_of(run)
    if result is None:
        return growth_chart(days, curves), fall_chart(days, curves)
    turned = [(np.searchsorted(days, np.datetime64(t.session_on)), t) for t in result.breaker_turns]
    events = [Event(int(place), f"{t.session_on} {t.state}: {t.why}") for place, t in turned if place < len(days)]
    breaker = result.spec.protection.breaker_frac
    return growth_chart(days, curves, events=events), fall_chart(days, curves, breaker_frac=breaker)


def exposure_chart(result: ReplayResult, run: ReplayRun) -> TimeChart:
    """Return the part of NAV in each sector, stacked."""
    days, _ = curves_of(run)
    sectors = sector_exposure(result)
    layers = [
        Series(SECTOR_NAMES[sector], weight, tone, percent(float(weight.mean())))
        for tone, (sector, weight) in enumerate(sectors.items(), start=1)
    ]
    axis = linear_axis(0.0, max(0.5, float(np.sum([s.values for s in layers], axis=0).max())))
    return TimeChart("part of NAV by sector", days, layers, axis, tick_percent, base=0.0, is_layered=True)


def month_chart(run: ReplayRun) -> Grid:
    """Return one line a year with its months, and the year beside the benchmarks."""
    days, curves = curves_of(run)
    grown = {name: np.concatenate([[1.0], growth]) for name, growth in curves.items()}
    months = monthly_returns(days, grown[BOOK])
    years = {name: yearly_returns(days, growth) for name, growth in grown.items()}
    beside = [BOOK, *(name for name in ("list", "SPY") if name in years)]
    rows: list[tuple[str, Sequence[float | None]]] = [
        (str(year), [*(months.get((year, m)) for m in range(1, 13)), *(years[name][year] for name in beside)])
        for year in years[BOOK]
    ]
    return Grid(
        label="returns by month, %",
        columns=(*_MONTHS, "year", *beside[1:]),
        rows=rows,
        word=points,
        spans=[(-_STRONG_MONTH, _STRONG_MONTH)] * 12 + [(-_STRONG_YEAR, _STRONG_YEAR)] * len(beside),
        is_signed=True,
    )


def replay_badge(run: ReplayRun) -> str:
    """Return what every picture of a replay carries."""
    return f"REPLAY, {SYNTHETIC} market" if run.is_synthetic else "REPLAY, no real money"


def replay_panels(run: ReplayRun) -> tuple[Chart, ...]:
    """Return what a picture of a replay shows."""
    return (*equity_charts(run), month_chart(run))


def replay_tiles(run: ReplayRun) -> list[tuple[str, str]]:
    """Return the figures that matter most, as (value, name)."""
    line = {one.key: one for one in LINES}
    return [(line[key].of(run.figures), line[key].name) for key in _TILES]
