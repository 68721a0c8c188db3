"""Charts as inline SVG: the plot stretches with the page, its words are HTML and stay readable on a phone.

Colours are the CSS variables --c1 … --c4 of `report.css`, chosen for colour-blind readers in light and dark; lines also
differ in their dashes. Nothing is loaded and no script runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from trading.domain.panel import FloatArray
from trading.reporting.wording import Wording

SIZE = 1000
"""Width and height of the drawing's own coordinates."""
MOST_POINTS = 600
LABEL_HEIGHT = 60
"""Distance from the base within which a label would cover that of the base."""
_DASHES = ("", "7 4", "2 3", "9 3 2 3")

type Days = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Series:
    """One line or layer.

    Attributes:
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
    return Axis(first, last, ticks if len(ticks) <= 10 else ticks[:: len(ticks) // 6], is_log=True)


def line_chart(
    days: Days, lines: Sequence[Series], axis: Axis, word: Wording, *, label: str, base: float, kind: str = ""
) -> str:
    """Return lines over sessions, the first one strongest.

    Args:
        days: one for each value, ascending. label: what the chart shows, for those who cannot see it.
        word: how the axis words its ticks. base: value of the emphasised level (1 for growth, 0 for a drawdown).
        kind: a CSS class more.
    """
    keep = _kept(len(days))
    x = _across(len(days))[keep]
    paths = [_line(s.tone, _path(x, axis.height(s.values[keep]))) for s in reversed(lines)]
    return _figure(days, axis, word, "".join(paths), label=label, base=base, lines=lines, kind=kind)


def _line(tone: int, path: str) -> str:
    return f'<path class="line t{tone}" stroke-dasharray="{_DASHES[tone - 1]}" d="{path}"/>'


def layer_chart(days: Days, layers: Sequence[Series], axis: Axis, word: Wording, *, label: str) -> str:
    """Return layers that stand on one another over sessions, the first one lowest."""
    edges = np.array_split(np.arange(len(days)), min(len(days), MOST_POINTS // 2))
    x = np.array([_across(len(days))[e].mean() for e in edges])
    floor, shapes = np.zeros(len(edges)), []
    for layer in layers:
        top = floor + np.array([layer.values[e].mean() for e in edges])
        there, back = _path(x, axis.height(top)), _path(x[::-1], axis.height(floor[::-1]), start="L")
        shapes.append(f'<path class="layer t{layer.tone}" d="{there}{back}Z"/>')
        floor = top
    return _figure(days, axis, word, "".join(shapes), label=label, base=0.0, lines=layers, is_layered=True)


def _across(count: int) -> FloatArray:
    return np.linspace(0.0, SIZE, count) if count > 1 else np.array([SIZE / 2.0] * count)


def _kept(count: int) -> NDArray[np.intp]:
    """Return the indices that are drawn: all, or as many as a screen can tell apart; the last one always."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round().astype(np.intp))


def _path(x: FloatArray, y: FloatArray, *, start: str = "M") -> str:
    """Return an SVG path through the points, broken where a value is unknown."""
    parts, pen = [], start
    for across, height in zip(x.tolist(), y.tolist(), strict=True):
        if not math.isfinite(height):
            pen = start
            continue
        parts.append(f"{pen}{across:.0f} {height:.0f}")
        pen = "L"
    return "".join(parts)


def _figure(
    days: Days,
    axis: Axis,
    word: Wording,
    shapes: str,
    *,
    label: str,
    base: float,
    lines: Sequence[Series],
    kind: str = "",
    is_layered: bool = False,
) -> str:
    heights = axis.height(np.array(axis.ticks))
    grid = "".join(
        f'<line class="{"base" if tick == base else "grid"}" x1="0" x2="{SIZE}" y1="{y:.0f}" y2="{y:.0f}"/>'
        for tick, y in zip(axis.ticks, heights, strict=True)
    )
    ground = float(axis.height(np.array([base]))[0])
    rows = "".join(
        f'<span class="y" style="top:{y / SIZE:.2%}">{escape(word(tick))}</span>'
        for tick, y in zip(axis.ticks, heights, strict=True)
        if tick == base or abs(y - ground) > LABEL_HEIGHT
    )
    columns = "".join(
        f'<span class="x" style="left:{at:.2%}">{escape(text)}</span>' for at, text in _calendar_ticks(days)
    )
    legend = "".join(_key(s, is_layered=is_layered) for s in (reversed(lines) if is_layered else lines))
    drawing = f'<svg viewBox="0 0 {SIZE} {SIZE}" preserveAspectRatio="none" aria-hidden="true">{grid}{shapes}</svg>'
    return (
        f'<figure class="chart {kind}" role="img" aria-label="{escape(label)}"><ul class="legend">{legend}</ul>'
        f'<div class="plot">{drawing}{rows}{columns}</div></figure>'
    )


def _key(series: Series, *, is_layered: bool) -> str:
    mark = f'<path class="layer t{series.tone}" d="M2 1H22V11H2Z"/>' if is_layered else _line(series.tone, "M0 6H24")
    words = f"{escape(series.name)} <b>{escape(series.stated)}</b>"
    return f'<li><svg viewBox="0 0 24 12" class="key">{mark}</svg>{words}</li>'


def _calendar_ticks(days: Days) -> list[tuple[float, str]]:
    """Return (place 0–1, label) of the first sessions of years, quarters or months: as coarse as the range asks for."""
    if len(days) < 2:
        return []
    unit, step, pattern = next(
        scale for scale in _SCALES if _changes(days, *scale[:2]).size >= 2 or scale == _SCALES[-1]
    )
    starts = _changes(days, unit, step)
    starts = starts[:: max(math.ceil(len(starts) / 10), 1)]
    return [(i / (len(days) - 1), days[i].astype("datetime64[D]").item().strftime(pattern)) for i in starts.tolist()]


_SCALES = (("Y", 1, "%Y"), ("M", 3, "%b %Y"), ("M", 1, "%b %Y"), ("D", 5, "%d %b"))


def _changes(days: Days, unit: str, step: int) -> NDArray[np.intp]:
    """Return the indices of the sessions that begin a new period of so many units."""
    period = days.astype(f"datetime64[{unit}]").astype(int) // step
    return np.flatnonzero(period[1:] != period[:-1]) + 1
