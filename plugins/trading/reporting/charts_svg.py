"""Charts as inline SVG and HTML: the plot stretches with the page, its words are HTML and stay readable on a phone.

Colours come from `charts.css` and follow light and dark. Nothing is loaded and no script runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch
from html import escape

import numpy as np

from trading.domain.panel import FloatArray
from trading.reporting.charts import (
    MOST_POINTS,
    SIZE,
    Axis,
    Bar,
    BarChart,
    Chart,
    ColumnChart,
    Grid,
    Mark,
    Series,
    TimeChart,
    Values,
    across,
    calendar_ticks,
    kept,
)
from trading.reporting.page import Markup, heat
from trading.reporting.wording import Wording

LABEL_HEIGHT = 60
"""Distance from the base within which a label would cover that of the base."""
DASHES = ("", "7 4", "2 3", "9 3 2 3")
_STRONG = 0.55
_EDGE_FRAC = 0.04
_MOST_NARROW = 5
"""Labels below a chart that a phone has room for."""
"""Part of full colour from which words on it are light."""


def drawn(chart: Chart) -> Markup:
    """Return a chart as a figure of a page."""
    return Markup(_drawn(chart))


@singledispatch
def _drawn(chart: Chart) -> str:
    raise TypeError(f"nothing draws a {type(chart).__name__}")


@_drawn.register
def _time(chart: TimeChart) -> str:
    shapes = "".join(_band(chart, low, high) for low, high in ((b.low, b.high) for b in chart.bands))
    shapes += _layers(chart) if chart.is_layered else _lines(chart)
    shapes += "".join(_event(chart, event.place, event.words) for event in chart.events)
    ticks = calendar_ticks(chart.days)
    columns = "".join(
        f'<span class="x{_edge(at)}{_thin(n, len(ticks))}" style="left:{at:.2%}">{escape(text)}</span>'
        for n, (at, text) in enumerate(ticks)
    )
    shown = reversed(chart.series) if chart.is_layered else chart.series
    keys = "".join(_key(s, is_layered=chart.is_layered) for s in shown)
    keys += "".join(f'<li><svg viewBox="0 0 24 12" class="key"><path class="zone" d="M2 1H22V11H2Z"/></svg>'
                    f"{escape(band.name)}</li>" for band in chart.bands)  # fmt: skip
    return _figure(chart.label, chart.axis, chart.word, chart.base, shapes, columns, keys, low=chart.is_low)


def _lines(chart: TimeChart) -> str:
    keep = kept(len(chart.days))
    x = across(len(chart.days))[keep]
    return "".join(_line(s.tone, _path(x, chart.axis.height(s.values[keep]))) for s in reversed(chart.series))


def _line(tone: int, path: str) -> str:
    return f'<path class="line t{tone}" stroke-dasharray="{DASHES[tone - 1]}" d="{path}"/>'


def _layers(chart: TimeChart) -> str:
    count = len(chart.days)
    edges = np.array_split(np.arange(count), min(count, MOST_POINTS // 2))
    x = np.array([across(count)[e].mean() for e in edges])
    floor, shapes = np.zeros(len(edges)), []
    for layer in chart.series:
        top = floor + np.array([layer.values[e].mean() for e in edges])
        there = _path(x, chart.axis.height(top))
        back = _path(x[::-1], chart.axis.height(floor[::-1]), start="L")
        shapes.append(f'<path class="layer t{layer.tone}" d="{there}{back}Z"/>')
        floor = top
    return "".join(shapes)


def _band(chart: TimeChart, low: float, high: float) -> str:
    top, bottom = np.clip(chart.axis.height(np.array([high, low])), 0, SIZE).tolist()
    return f'<rect class="zone" x="0" width="{SIZE}" y="{top:.0f}" height="{max(bottom - top, 0):.0f}"/>'


def _event(chart: TimeChart, place: int, words: str) -> str:
    at = float(across(len(chart.days))[place])
    return f'<line class="event" x1="{at:.0f}" x2="{at:.0f}" y1="0" y2="{SIZE}"><title>{escape(words)}</title></line>'


def _path(x: FloatArray, y: FloatArray, *, start: str = "M") -> str:
    """Return an SVG path through the points, broken where a value is unknown."""
    parts, pen = [], start
    for at, height in zip(x.tolist(), y.tolist(), strict=True):
        if not math.isfinite(height):
            pen = start
            continue
        parts.append(f"{pen}{at:.0f} {height:.0f}")
        pen = "L"
    return "".join(parts)


def _figure(
    label: str, axis: Axis, word: Wording, base: float, shapes: str, columns: str, keys: str, *, low: bool = False,
    kind: str = "",
) -> str:  # fmt: skip
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
    legend = f'<ul class="legend">{keys}</ul>' if keys else ""
    drawing = f'<svg viewBox="0 0 {SIZE} {SIZE}" preserveAspectRatio="none" aria-hidden="true">{grid}{shapes}</svg>'
    named = " ".join(filter(None, ("chart", "low" if low else "", kind)))
    return (
        f'<figure class="{named}" role="img" aria-label="{escape(label)}">{legend}'
        f'<div class="plot">{drawing}{rows}{columns}</div></figure>'
    )


def _key(series: Series, *, is_layered: bool) -> str:
    mark = f'<path class="layer t{series.tone}" d="M2 1H22V11H2Z"/>' if is_layered else _line(series.tone, "M0 6H24")
    words = f"{escape(series.name)} <b>{escape(series.stated)}</b>"
    return f'<li><svg viewBox="0 0 24 12" class="key">{mark}</svg>{words}</li>'


# --- bars ---------------------------------------------------------------------------------------


@_drawn.register
def _bars(chart: BarChart) -> str:
    low, high = chart.reach
    rows = "".join(_bar(bar, low, high) for bar in chart.bars)
    return f'<figure class="bars" role="img" aria-label="{escape(chart.label)}">{rows}</figure>'


def _bar(bar: Bar, low: float, high: float) -> str:
    def part(value: float) -> float:
        return (value - low) / (high - low)

    inside = "" if bar.band is None else _stretch("zone", part(bar.band[0]), part(bar.band[1]))
    if bar.value is not None:
        inside += _stretch("less" if bar.value < 0 else "more", *sorted((part(0.0), part(bar.value))))
    zero = f'<i class="zero" style="left:{part(0.0):.2%}"></i>'
    return (
        f'<div class="row"><span>{escape(bar.name)}</span><div class="track">{inside}{zero}</div>'
        f"<b>{escape(bar.stated)}</b></div>"
    )


def _stretch(kind: str, first: float, last: float) -> str:
    return f'<i class="{kind}" style="left:{first:.2%};width:{last - first:.2%}"></i>'


def _edge(at: float) -> str:
    """Return the class of a label that would stand out of the chart if it stood in the middle of its place."""
    return " first" if at < _EDGE_FRAC else " last" if at > 1.0 - _EDGE_FRAC else ""


def _thin(number: int, count: int) -> str:
    """Return the class of a label that is left out on a phone: each second one of many."""
    return " thin" if count > _MOST_NARROW and number % 2 else ""


# --- columns ------------------------------------------------------------------------------------


@_drawn.register
def _columns(chart: ColumnChart) -> str:
    step = SIZE / len(chart.places)
    middles = [(place + 0.5) * step for place in range(len(chart.places))]
    bars = [s for s in chart.series if s.mark is Mark.BAR]
    shapes = "".join(_column_bars(chart, s, n, len(bars), middles, step) for n, s in enumerate(bars))
    shapes += "".join(_dots(chart, s, middles) for s in chart.series if s.mark is not Mark.BAR)
    every = max(math.ceil(len(chart.places) / 10), 1)
    words = "".join(
        f'<span class="x{" strong" if n == chart.strong else _thin(n // every, len(chart.places) // every)}" '
        f'style="left:{at / SIZE:.2%}">{escape(name)}</span>'
        for n, (name, at) in enumerate(zip(chart.places, middles, strict=True))
        if n % every == 0 or n == chart.strong
    )
    keys = "".join(_values_key(s) for s in chart.series) if len(chart.series) > 1 else ""
    kind = "small" if chart.is_small else ""
    return _figure(
        chart.label, chart.axis, chart.word, chart.base, shapes, words, keys, low=not chart.is_small, kind=kind
    )


def _column_bars(
    chart: ColumnChart, series: Values, number: int, of: int, middles: Sequence[float], step: float
) -> str:
    width = min(step * 0.8 / of, 60.0)
    heights = _heights(chart.axis, series.values)
    ground = float(chart.axis.height(np.array([chart.base]))[0])
    return "".join(
        f'<rect class="{_tone(series, value)}" x="{at + (number - of / 2) * width:.0f}" width="{width * 0.92:.0f}" '
        f'y="{min(y, ground):.0f}" height="{abs(y - ground):.0f}"/>'
        for at, y, value in zip(middles, heights, series.values, strict=True)
        if y is not None and value is not None
    )


def _tone(series: Values, value: float) -> str:
    """Return the class of a bar: by its sign where it is the only kind, which tone 0 says."""
    if series.tone == 0:
        return "less" if value < 0 else "more"
    return f"layer t{series.tone}"


def _dots(chart: ColumnChart, series: Values, middles: Sequence[float]) -> str:
    heights = _heights(chart.axis, series.values)
    points = [(at, y) for at, y in zip(middles, heights, strict=True) if y is not None]
    # A line of no length with round ends is a dot that does not stretch with the plot.
    spots = [f"M{at:.0f} {y:.0f}h.01" for at, y in points]
    if series.mark is Mark.RING:
        return f'<path class="ring" d="{"".join(spots)}"/><path class="hole" d="{"".join(spots)}"/>'
    line = _path(np.array([p[0] for p in points]), np.array([p[1] for p in points]))
    return f'<path class="line t{series.tone}" d="{line}"/><path class="dot" d="{"".join(spots)}"/>'


def _heights(axis: Axis, values: Sequence[float | None]) -> list[float | None]:
    return [None if v is None else float(axis.height(np.array([v]))[0]) for v in values]


def _values_key(series: Values) -> str:
    shapes = {
        Mark.BAR: f'<path class="layer t{series.tone}" d="M2 1H22V11H2Z"/>',
        Mark.LINE: f'<path class="line t{series.tone}" d="M0 6H24"/><path class="dot" d="M12 6h.01"/>',
        Mark.RING: '<path class="ring" d="M12 6h.01"/><path class="hole" d="M12 6h.01"/>',
    }
    return f'<li><svg viewBox="0 0 24 12" class="key">{shapes[series.mark]}</svg>{escape(series.name)}</li>'


# --- grids --------------------------------------------------------------------------------------


@_drawn.register
def _grid(chart: Grid) -> str:
    corner = " \\ ".join(filter(None, (chart.down, chart.across)))
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in (corner, *chart.columns))
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{_cell(chart, row, column, value)}</td>" for column, value in enumerate(values))
        + "</tr>"
        for row, (name, values) in enumerate(chart.rows)
    )
    return (
        f'<div class="scroll"><table class="months" aria-label="{escape(chart.label)}"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _cell(chart: Grid, row: int, column: int, value: float | None) -> str:
    part = chart.shade(column, value)
    if part is None:
        return "" if chart.is_signed else '<span class="heat">–</span>'
    words = chart.word(value)
    if chart.is_signed:
        return heat(words, 0.75 * part).html
    kinds = " ".join(
        filter(None, ("heat level", "strong" if part > _STRONG else "", "best" if chart.best == (row, column) else ""))
    )
    return f'<span class="{kinds}" style="--a:{part:.0%}">{escape(words)}</span>'
