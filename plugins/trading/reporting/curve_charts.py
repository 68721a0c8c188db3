"""Growth of a book beside what simply held would have done, and the fall of each from its highest close."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from trading.accounting.performance import drawdowns
from trading.domain.instruments import Sector
from trading.domain.panel import FloatArray
from trading.reporting.charts import Band, Days, Event, Series, TimeChart, linear_axis, log_axis
from trading.reporting.figures import benchmark_name
from trading.reporting.wording import change, ratio, tick, tick_percent

BOOK = "the book"
"""What the book is called among benchmarks."""
WIDE = 1.5
"""Highest over lowest growth from which the scale is logarithmic."""
SECTOR_NAMES = {Sector.METALS: "precious metals", Sector.AI: "AI", Sector.TECH: "tech"}


def _series(curves: Mapping[str, FloatArray], state: Callable[[FloatArray], str]) -> list[Series]:
    named = enumerate(curves.items(), start=1)
    return [Series(benchmark_name(name), values, tone, state(values)) for tone, (name, values) in named]


def growth_chart(days: Days, curves: Mapping[str, FloatArray], *, events: Sequence[Event] = ()) -> TimeChart:
    """Return growth of 1 USD, the first curve strongest; NaN where a curve is not known.

    It is logarithmic where that makes a difference: in a narrow range both scales look the same, and round levels fit
    only the linear one.
    """
    every = np.concatenate([*curves.values(), [1.0]])
    low, high = float(np.nanmin(every)), float(np.nanmax(every))
    axis = log_axis(low, high) if high > low * WIDE else linear_axis(low, high)
    return TimeChart("growth of 1 USD", days, _series(curves, _last), axis, tick, base=1.0, events=events)


def _last(growth: FloatArray) -> str:
    return ratio(float(growth[-1]))


def fall_chart(days: Days, curves: Mapping[str, FloatArray], *, breaker_frac: float | None = None) -> TimeChart:
    """Return the fall from the highest close so far, of growth that begins at 1.

    Args:
        breaker_frac: fall at which the desk's breaker trips; what lies beyond it is shaded, where a curve comes near.
    """
    falls = {name: -drawdowns(np.concatenate([[1.0], growth]))[1:] for name, growth in curves.items()}
    axis = linear_axis(min(float(np.nanmin(f)) for f in falls.values()), 0.0)
    lines = _series(falls, lambda values: change(float(np.nanmin(values))))
    beyond = (Band(axis.low, -breaker_frac, "the breaker trips"),) if breaker_frac and axis.low < -breaker_frac else ()
    label = "fall from the highest close"
    return TimeChart(label, days, lines, axis, tick_percent, base=0.0, is_low=True, bands=beyond)
