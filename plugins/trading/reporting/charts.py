"""What a chart shows, described once; `charts_svg` and `charts_png` draw the same description.

A colour is a tone 1–4: the CSS variables --c1 … --c4 of `charts.css`, chosen for colour-blind readers, light and dark.
Lines also differ in their dashes. Nothing here draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from trading.domain.panel import FloatArray
from trading.reporting.wording import Wording

SIZE = 1000
"""Width and height of a plot's own coordinates."""
MOST_POINTS = 600

type Days = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Series:
    """One line or layer over time.

    Attributes:
        values: NaN where unknown; there the line breaks.
        tone: 1–4, its colour. stated: what the legend says of it.
    """

    name: str
    values: FloatArray
    tone: int
    stated: str


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to heights, 0 at the top.

    Attributes:
        ticks: values that get a line and a label, ascending.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    is_log: bool = False

    def height(self, values: FloatArray) -> FloatArray:
        """Return heights in drawing units."""
        low, high, shown = self.low, self.high, values
        if self.is_log:
            low, high, shown = math.log(low), math.log(high), np.log(values)
        return np.asarray((1.0 - (shown - low) / (high - low)) * SIZE)


def linear_axis(low: float, high: float, *, count: int = 5) -> Axis:
    """Return an axis from `low` to `high`, widened to round numbers."""
    spread = (high - low) or 1.0
    step = 10.0 ** math.floor(math.log10(spread / count))
    step *= next(m for m in (1, 2, 2.5, 5, 10) if spread / (step * m) <= count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(round(n * step, 10) for n in range(first, max(last, first + 1) + 1))
    return Axis(ticks[0], ticks[-1], ticks)


def log_axis(low: float, high: float) -> Axis:
    """Return a logarithmic axis around positive values; ticks at 1, 2 and 5, and finer ones in a narrow range."""
    if high < low * 1.01:
        low, high = low / 1.01, high * 1.01
    for steps in ((1, 2, 5), (1, 1.5, 2, 3, 5, 7), tuple(n / 10 for n in range(10, 100))):
        powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
        levels = [s * 10.0**p for p in powers for s in steps]
        first = max((n for n in levels if n <= low * 1.0001), default=levels[0])
        last = min((n for n in levels if n >= high * 0.9999), default=levels[-1])
        ticks = tuple(n for n in levels if first <= n <= last)
        if len(ticks) >= 4:
            break
    first, last = min(first, low), max(last, high)
    return Axis(first, last, ticks if len(ticks) <= 10 else ticks[:: len(ticks) // 6], is_log=True)


@dataclass(frozen=True, slots=True)
class Band:
    """Values between two levels, shaded."""

    low: float
    high: float
    name: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a place of the time axis."""

    place: int
    words: str


@dataclass(frozen=True, slots=True)
class TimeChart:
    """Lines over sessions or hours, or layers that stand on one another.

    Attributes:
        label: what it shows, also for those who cannot see it.
        days: one for each value, ascending; drawn at equal distances, so that nights and weekends leave no gap.
        series: the first one is drawn strongest; of layers it is the lowest.
        word: how the axis words its ticks. base: the emphasised level (1 for growth, 0 for a drawdown).
        is_low: whether little height is enough.
    """

    label: str
    days: Days
    series: Sequence[Series]
    axis: Axis
    word: Wording
    base: float
    is_layered: bool = False
    is_low: bool = False
    bands: Sequence[Band] = ()
    events: Sequence[Event] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """One named bar.

    Attributes:
        value: None if unknown, then no bar is drawn. stated: what stands behind it.
        band: levels that it belongs between, drawn behind it; None without.
    """

    name: str
    value: float | None
    stated: str
    band: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars from a common zero to the right, or to the left for less."""

    label: str
    bars: Sequence[Bar]

    @property
    def reach(self) -> tuple[float, float]:
        """Lowest and highest value that has to be seen; zero is always in it."""
        levels = [0.0, *(b.value for b in self.bars if b.value is not None)]
        levels += [level for b in self.bars for level in b.band or ()]
        low, high = min(levels), max(levels)
        return (low, high) if high > low else (0.0, 1.0)


class Mark(StrEnum):
    """How the values of a column chart are drawn."""

    BAR = "bar"
    LINE = "line"
    RING = "ring"


@dataclass(frozen=True, slots=True)
class Values:
    """Values of one kind over the places of a column chart; None where unknown."""

    name: str
    values: Sequence[float | None]
    tone: int
    mark: Mark = Mark.BAR


@dataclass(frozen=True, slots=True)
class ColumnChart:
    """Values over named places: periods, windows, numbers of a parameter.

    Attributes:
        places: names along the bottom. strong: the one that is emphasised; None for none.
        axis: with its ticks. base: level from which bars begin.
        is_small: whether several of them stand beside one another.
    """

    label: str
    places: Sequence[str]
    series: Sequence[Values]
    axis: Axis
    word: Wording
    base: float = 0.0
    strong: int | None = None
    is_small: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells in colours: signed ones from orange (less) over nothing to blue (more), others from pale to strong.

    Attributes:
        rows: (name, one value for each column); None where unknown.
        spans: for each column the (lowest, highest) value that colours tell apart.
        best: (row, column) of the framed cell; None for none.
        across, down: what columns and rows stand for; "" where their names say it.
    """

    label: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[float | None]]]
    word: Wording
    spans: Sequence[tuple[float, float]]
    is_signed: bool = False
    best: tuple[int, int] | None = None
    across: str = ""
    down: str = ""

    def shade(self, column: int, value: float | None) -> float | None:
        """Return how strong a cell is: −1–1 if signed, else 0–1; None where unknown."""
        if value is None:
            return None
        low, high = self.spans[column]
        if self.is_signed:
            return float(np.clip(value / max(abs(low), abs(high)), -1.0, 1.0))
        return 1.0 if high == low else float(np.clip((value - low) / (high - low), 0.0, 1.0))


type Chart = TimeChart | BarChart | ColumnChart | Grid
"""Everything that both media draw."""

type Span = tuple[float, float]
"""Lowest and highest value that colours or heights stand for."""


def span_of(scores: Iterable[float | None]) -> Span:
    """Return the lowest and the highest of what is known; (0, 1) if nothing is."""
    known = [score for score in scores if score is not None]
    return (min(known), max(known)) if known else (0.0, 1.0)


def across(count: int) -> FloatArray:
    """Return the places of so many values along the bottom, 0 to SIZE."""
    return np.linspace(0.0, SIZE, count) if count > 1 else np.array([SIZE / 2.0] * count)


def kept(count: int) -> NDArray[np.intp]:
    """Return the indices that are drawn: all, or as many as a screen can tell apart; the last one always."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round().astype(np.intp))


def calendar_ticks(days: Days) -> list[tuple[float, str]]:
    """Return (place 0–1, label) of the first sessions of years, quarters or months: as coarse as the range asks for."""
    if len(days) < 2:
        return []
    unit, step, pattern = next(
        scale for scale in _SCALES if _changes(days, *scale[:2]).size >= 2 or scale == _SCALES[-1]
    )
    starts = _changes(days, unit, step)
    if (unit, step) == ("D", 1):
        starts = np.concatenate([[0], starts])
    starts = starts[:: max(math.ceil(len(starts) / 10), 1)]
    return [(i / (len(days) - 1), days[i].astype("datetime64[D]").item().strftime(pattern)) for i in starts.tolist()]


_SCALES = (("Y", 1, "%Y"), ("M", 3, "%b %Y"), ("M", 1, "%b %Y"), ("D", 5, "%d %b"), ("D", 1, "%d %b"))


def _changes(days: Days, unit: str, step: int) -> NDArray[np.intp]:
    """Return the indices of the sessions that begin a new period of so many units."""
    period = days.astype(f"datetime64[{unit}]").astype(int) // step
    return np.flatnonzero(period[1:] != period[:-1]) + 1
