"""The same charts as a PNG for a phone, in a picture with a title and the figures that matter. Loads matplotlib.

A picture is 1,080 pixels wide; its words are as large as those of a message when a phone shows it from edge to edge.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, singledispatch
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.transforms import ScaledTranslation

# What matplotlib itself writes PNGs with, and cannot be installed without.
from PIL import Image

from trading.reporting.charts import BarChart, Chart, ColumnChart, Grid, Mark, TimeChart, Values, calendar_ticks, kept
from trading.reporting.page import SHEETS

WIDTH_INCHES, DPI = 6.0, 180
COLOURS = 96
"""As many colours as a picture keeps: charts need few, and a message is sent sooner."""
MOST_INCHES = 22.0
"""Pictures that are longer are not shown by a phone as one picture; what is too much is left to the page."""
_DASHES = ("solid", (0, (5, 2.4)), (0, (1.2, 1.8)), (0, (6, 2, 1.2, 2)))
_TILES_IN_A_ROW = 3
_SAID_LETTERS = 96
_LINE_INCHES, _GAP_INCHES = 0.165, 0.05


@dataclass(frozen=True, slots=True)
class Note:
    """Lines of a picture that are words: what stands left, and what stands right."""

    title: str
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Picture:
    """What one PNG shows, from above to below.

    Attributes:
        badge: the money it is about, and SYNTHETIC where the market is invented.
        said: a line below the title: book and span.
        tiles: (value, name), the figures that matter.
    """

    title: str
    badge: str
    said: str
    tiles: Sequence[tuple[str, str]]
    panels: Sequence[Chart | Note]


def png_of(picture: Picture) -> bytes:
    """Return the picture as a PNG."""
    panels, heights = _fitting(picture)
    # A dollar sign is a dollar sign.
    with rc_context({"text.parse_math": False, "font.size": 9.5, "axes.edgecolor": _colour("rule")}):
        layout = ConstrainedLayoutEngine(h_pad=0.06, w_pad=0.08)
        size = (WIDTH_INCHES, sum(heights))
        figure = Figure(figsize=size, dpi=DPI, layout=layout, facecolor=_colour("card"))
        canvas: Any = FigureCanvasAgg(figure)
        # Each part has margins of its own: long names of bars do not narrow the curve above.
        parts: Any = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
        for part in parts:
            part.set_facecolor(_colour("card"))
        _head(parts[0].subplots(), picture)
        for panel, part in zip(panels, parts[1:], strict=True):
            _draw(panel, part.subplots())
        canvas.draw()
        image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    return _compressed(image)


def _compressed(image: Image.Image) -> bytes:
    body = BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(body, format="PNG", optimize=True)
    return body.getvalue()


def _fitting(picture: Picture) -> tuple[list[Chart | Note], list[float]]:
    """Return the panels that fit, and the height of the head and of each of them [inches]."""
    rows = -(-len(picture.tiles) // _TILES_IN_A_ROW)
    lines = len(_wrapped(picture.said, _SAID_LETTERS))
    heights = [0.45 + 0.28 * len(_wrapped(picture.title, 46)) + 0.17 * lines + 0.62 * rows]
    panels: list[Chart | Note] = []
    for panel in picture.panels:
        if sum(heights) + _height(panel) > MOST_INCHES:
            break
        panels.append(panel)
        heights.append(_height(panel))
    return panels, heights


def _height(panel: Chart | Note) -> float:
    match panel:
        case TimeChart():
            return (1.55 if panel.is_low else 2.75) + 0.2 * -(-len(panel.series) // 2)
        case BarChart():
            return 0.5 + 0.27 * len(panel.bars)
        case ColumnChart():
            return 2.0 + (0.2 if len(panel.series) > 1 else 0.0)
        case Grid():
            return 0.75 + 0.3 * len(panel.rows)
        case Note():
            lines = sum(len(_wrapped(left, _room(right))) for left, right in panel.rows)
            return 0.45 + _LINE_INCHES * lines + _GAP_INCHES * len(panel.rows)


def _room(right: str) -> int:
    """Return how many letters fit before what stands right."""
    return 84 - len(right)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 20)) or [""]


@cache
def _palette() -> dict[str, str]:
    """Return the colours of the light page by name, so that both media have the same."""
    light = "".join(sheet.read_text(encoding="utf-8").split("@media")[0] for sheet in SHEETS)
    return dict(re.findall(r"--([\w-]+):\s*(#\w{6})", light))


def _colour(name: str) -> str:
    return _palette()[name]


def _tone(tone: int) -> str:
    return _colour(f"c{tone}")


def _below(axes: Any, inches: float) -> Any:
    """Return places of a panel without an axis: across 0–1, and so many inches below its top."""
    return axes.transAxes + ScaledTranslation(0, -inches, axes.figure.dpi_scale_trans)


def _head(axes: Any, picture: Picture) -> None:
    axes.set_axis_off()
    loud = "SYNTHETIC" in picture.badge
    box = {"facecolor": _colour("warn" if loud else "soft"), "edgecolor": "none", "boxstyle": "round,pad=0.3"}

    def write(x: float, y: float, words: str, size: float, tone: str = "ink", **more: Any) -> None:
        axes.text(x, 1, words, transform=_below(axes, y), va="top", fontsize=size, color=_colour(tone), **more)

    write(0.008, 0.03, picture.badge, 7.5, "card" if loud else "ink", weight="bold", bbox=box)
    y = 0.24
    for line in _wrapped(picture.title, 46):
        write(0, y, line, 14, weight="bold")
        y += 0.28
    # A line that is too long would push the figures below it together.
    for line in _wrapped(picture.said, _SAID_LETTERS):
        write(0, y, line, 8.5, "dim")
        y += 0.17
    y += 0.13
    for place, (value, name) in enumerate(picture.tiles):
        row, column = divmod(place, _TILES_IN_A_ROW)
        write(column / _TILES_IN_A_ROW, y + row * 0.62, value, 14)
        write(column / _TILES_IN_A_ROW, y + row * 0.62 + 0.27, name, 8.5, "dim")


@singledispatch
def _draw(panel: Chart | Note, axes: Any) -> None:
    raise TypeError(f"nothing draws a {type(panel).__name__}")


def _title(axes: Any, words: str, *, legend_rows: int = 0) -> None:
    pad = 6 + 13.5 * legend_rows
    axes.set_title(
        words[:1].upper() + words[1:], loc="left", fontsize=10.5, weight="bold", color=_colour("ink"), pad=pad
    )


def _legend(axes: Any) -> int:
    handles, names = axes.get_legend_handles_labels()
    if len(names) < 1:
        return 0
    place = {"loc": "lower left", "bbox_to_anchor": (-0.02, 0.99), "borderaxespad": 0.2}
    axes.legend(handles, names, ncols=2, frameon=False, fontsize=8.8, handlelength=2.4, columnspacing=1.2, **place)
    return -(-len(names) // 2)


def _plain(axes: Any) -> None:
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, labelsize=8.8, labelcolor=_colour("dim"))


def _levels(axes: Any, chart: TimeChart | ColumnChart) -> None:
    if chart.axis.is_log:
        axes.set_yscale("log")
        axes.minorticks_off()
    axes.set_ylim(chart.axis.low, chart.axis.high)
    axes.set_yticks(chart.axis.ticks, [chart.word(tick) for tick in chart.axis.ticks])
    axes.grid(axis="y", color=_colour("rule"), linewidth=0.6)
    axes.axhline(chart.base, color=_colour("dim"), linewidth=0.8)
    axes.set_axisbelow(True)


@_draw.register
def _time(chart: TimeChart, axes: Any) -> None:
    count = len(chart.days)
    for band in chart.bands:
        axes.axhspan(band.low, band.high, color=_colour("soft"), label=band.name)
    if chart.is_layered:
        layers = [s.values for s in chart.series]
        names = [f"{s.name} {s.stated}" for s in chart.series]
        axes.stackplot(range(count), *layers, colors=[_tone(s.tone) for s in chart.series], labels=names)
    else:
        keep = kept(count)
        for place, series in enumerate(chart.series):
            width = 2.0 if series.tone == 1 else 1.2
            axes.plot(
                keep, series.values[keep], color=_tone(series.tone), linestyle=_DASHES[series.tone - 1],
                linewidth=width, label=f"{series.name} {series.stated}", zorder=10 - place,
                marker="o" if count == 1 else None,
            )  # fmt: skip
    for event in chart.events:
        axes.axvline(event.place, color=_tone(2), linewidth=0.9, linestyle=(0, (3, 3)))
    _plain(axes)
    _levels(axes, chart)
    axes.set_xlim(0, max(count - 1, 1))
    ticks = calendar_ticks(chart.days)
    ticks = ticks[:: -(-len(ticks) // 6)] if ticks else []
    axes.set_xticks([at * (count - 1) for at, _ in ticks], [text for _, text in ticks])
    _title(axes, chart.label, legend_rows=_legend(axes))


@_draw.register
def _bars(chart: BarChart, axes: Any) -> None:
    low, high = chart.reach
    for place, bar in enumerate(chart.bars):
        if bar.band is not None:
            left, right = bar.band
            axes.barh(place, right - left, left=left, height=0.86, color=_colour("soft"), edgecolor=_colour("dim"))
        if bar.value is not None:
            axes.barh(place, bar.value, height=0.56, color=_colour("down" if bar.value < 0 else "up"))
        axes.text(
            1.02, place, bar.stated, transform=axes.get_yaxis_transform(), va="center", color=_colour("ink"),
            fontsize=8.8,
        )  # fmt: skip
    _plain(axes)
    edge = (high - low) / 200
    axes.set(xlim=(low - edge, high + edge), ylim=(len(chart.bars) - 0.5, -0.5))
    axes.set_xticks([])
    axes.set_yticks(range(len(chart.bars)), [bar.name for bar in chart.bars])
    axes.axvline(0.0, color=_colour("dim"), linewidth=0.8)
    _title(axes, chart.label)


@_draw.register
def _columns(chart: ColumnChart, axes: Any) -> None:
    bars = [s for s in chart.series if s.mark is Mark.BAR]
    for number, series in enumerate(bars):
        _column_bars(axes, chart, series, number, len(bars))
    for series in chart.series:
        values = [np.nan if v is None else v for v in series.values]
        if series.mark is Mark.LINE:
            axes.plot(values, "o-", clip_on=False, color=_tone(series.tone), label=series.name)
        elif series.mark is Mark.RING:
            axes.plot(values, "o", clip_on=False, mfc="none", mec=_tone(series.tone), markersize=8, label=series.name)
    _plain(axes)
    _levels(axes, chart)
    every = -(-len(chart.places) // 8)
    shown = list(enumerate(chart.places))[::every]
    axes.set_xticks([n for n, _ in shown], [name for _, name in shown])
    axes.set_xlim(-0.6, len(chart.places) - 0.4)
    for label, (n, _) in zip(axes.get_xticklabels(), shown, strict=True):
        label.set_fontweight("bold" if n == chart.strong else "normal")
    _title(axes, chart.label, legend_rows=_legend(axes) if len(chart.series) > 1 else 0)


def _column_bars(axes: Any, chart: ColumnChart, series: Values, number: int, of: int) -> None:
    width = 0.8 / of
    known = [(n, v) for n, v in enumerate(series.values) if v is not None]
    colours = [
        _colour("down" if v < chart.base else "up") if series.tone == 0 else _tone(series.tone) for _, v in known
    ]
    axes.bar(
        [n + (number - (of - 1) / 2) * width for n, _ in known], [v - chart.base for _, v in known],
        width=width * 0.92, bottom=chart.base, color=colours, label=series.name if series.tone else None,
    )  # fmt: skip


@_draw.register
def _grid(chart: Grid, axes: Any) -> None:
    cells = np.array([[_shaded(chart, n, v) for n, v in enumerate(values)] for _, values in chart.rows])
    axes.imshow(cells, aspect="auto")
    size = 9.0 if len(chart.columns) <= 9 else 6.6
    for row, (_, values) in enumerate(chart.rows):
        for column, value in enumerate(values):
            part = chart.shade(column, value)
            ink = "card" if part is not None and not chart.is_signed and part > 0.55 else "ink"
            words = "" if value is None and chart.is_signed else chart.word(value)
            axes.text(column, row, words, ha="center", va="center", fontsize=size, color=_colour(ink))
    if chart.best is not None:
        row, column = chart.best
        corner = (column - 0.5, row - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=_tone(2), linewidth=2.5, clip_on=False))
    _plain(axes)
    axes.set_xticks(range(len(chart.columns)), chart.columns, fontsize=size)
    axes.set_yticks(range(len(chart.rows)), [name for name, _ in chart.rows])
    axes.set_xlabel(chart.across, fontsize=8.8)
    axes.set_ylabel(chart.down, fontsize=8.8)
    _title(axes, chart.label)


def _shaded(chart: Grid, column: int, value: float | None) -> tuple[float, ...]:
    part = chart.shade(column, value)
    paper = np.array(to_rgb(_colour("soft" if not chart.is_signed else "card")))
    if part is None:
        return tuple(np.array(to_rgb(_colour("card"))).tolist())
    strong = np.array(to_rgb(_colour("down" if part < 0 else "up" if chart.is_signed else "c1")))
    share = abs(part) * (0.75 if chart.is_signed else 1.0)
    return tuple((paper * (1 - share) + strong * share).tolist())


@_draw.register
def _note(note: Note, axes: Any) -> None:
    axes.set_axis_off()
    y = 0.04

    def write(x: float, words: str, side: str) -> None:
        at = _below(axes, y)
        axes.text(x, 1, words, transform=at, va="top", ha=side, fontsize=8.8, color=_colour("ink"))

    for left, right in note.rows:
        write(1, right, "right")
        for line in _wrapped(left, _room(right)):
            write(0, line, "left")
            y += _LINE_INCHES
        y += _GAP_INCHES
    _title(axes, note.title)
