"""The charts of a replay's report."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from trading.accounting.performance import drawdowns
from trading.domain.instruments import Sector
from trading.domain.panel import FloatArray
from trading.domain.replays import ReplayRun
from trading.engine.result import ReplayResult
from trading.reporting.attribution import sector_exposure
from trading.reporting.charts import Days, Series, layer_chart, line_chart, linear_axis, log_axis
from trading.reporting.figures import benchmark_name
from trading.reporting.page import Markup
from trading.reporting.wording import change, percent, ratio, tick, tick_percent

BOOK = "the book"
"""What the book is called among benchmarks."""
SECTOR_NAMES = {Sector.METALS: "precious metals", Sector.AI: "AI", Sector.TECH: "tech"}


def curves_of(run: ReplayRun) -> tuple[Days, dict[str, FloatArray]]:
    """Return sessions, and growth of 1 USD of the book and of each benchmark at their closes, the book first."""
    if run.equity is None:
        return np.array([], dtype="datetime64[D]"), {}
    days = np.array(run.equity.session_on, dtype="datetime64[D]")
    book = np.array(run.equity.nav_usd) / run.starting_usd
    return days, {BOOK: book, **{name: np.array(growth) for name, growth in run.equity.benchmarks.items()}}


def _series(curves: Mapping[str, FloatArray], state: Callable[[FloatArray], str]) -> list[Series]:
    named = enumerate(curves.items(), start=1)
    return [Series(benchmark_name(name), values, tone, state(values)) for tone, (name, values) in named]


def equity_chart(run: ReplayRun) -> Markup:
    """Return growth of the book beside the benchmarks, logarithmic."""
    days, curves = curves_of(run)
    every = np.concatenate([*curves.values(), [1.0]])
    axis = log_axis(float(every.min()), float(every.max()))
    lines = _series(curves, lambda growth: ratio(float(growth[-1])))
    return Markup(line_chart(days, lines, axis, tick, label="growth of 1 USD", base=1.0))


def drawdown_chart(run: ReplayRun) -> Markup:
    """Return the fall from the highest close so far, of the book beside the benchmarks."""
    days, curves = curves_of(run)
    falls = {name: -drawdowns(np.concatenate([[1.0], growth]))[1:] for name, growth in curves.items()}
    axis = linear_axis(min(float(f.min()) for f in falls.values()), 0.0)
    lines = _series(falls, lambda values: change(float(values.min())))
    label = "fall from the highest close"
    return Markup(line_chart(days, lines, axis, tick_percent, label=label, base=0.0, kind="low"))


def exposure_chart(result: ReplayResult, run: ReplayRun) -> Markup:
    """Return the part of NAV in each sector, stacked."""
    days, _ = curves_of(run)
    sectors = sector_exposure(result)
    layers = [
        Series(SECTOR_NAMES[sector], weight, tone, percent(float(weight.mean())))
        for tone, (sector, weight) in enumerate(sectors.items(), start=1)
    ]
    axis = linear_axis(0.0, max(0.5, float(np.sum([s.values for s in layers], axis=0).max())))
    return Markup(layer_chart(days, layers, axis, tick_percent, label="part of NAV by sector"))
