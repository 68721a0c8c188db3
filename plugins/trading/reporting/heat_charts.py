"""Heat maps and marginals as inline SVG: how the score moves with each parameter and each pair of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from trading.domain.searches import Parameters, Value, text_of
from trading.reporting.wording import ratio
from trading.research.robustness import HeatMap, Marginal

_PALE, _DARK = (233, 240, 249), (11, 61, 122)
_CELL_WIDTH, _CELL_HEIGHT = 58, 34
_LEFT, _TOP, _BOTTOM = 74, 12, 44
_CHART_WIDTH, _CHART_HEIGHT = 300, 150

type Span = tuple[float, float]
"""Lowest and highest score that the colours or the height stand for."""


def span_of(scores: Iterable[float | None]) -> Span:
    """Return the lowest and the highest of what is known; (0, 1) if nothing is."""
    known = [score for score in scores if score is not None]
    return (min(known), max(known)) if known else (0.0, 1.0)


def colour_of(score: float, span: Span) -> tuple[int, int, int]:
    """Return the colour of a score: pale for the lowest, dark for the highest."""
    low, high = span
    part = 1.0 if high == low else (score - low) / (high - low)
    red, green, blue = (round(p + (d - p) * part) for p, d in zip(_PALE, _DARK, strict=True))
    return red, green, blue


def heat_map_svg(heat: HeatMap, best: Parameters, span: Span) -> str:
    """Return a heat map of median scores with the best trial's cell framed; a dash is a cell without a score."""
    width = _LEFT + _CELL_WIDTH * len(heat.across.values) + 8
    height = _TOP + _CELL_HEIGHT * len(heat.down.values) + _BOTTOM
    parts = []
    for row, down in enumerate(heat.down.values):
        y = _TOP + row * _CELL_HEIGHT
        parts.append(_text(_LEFT - 8, y + 22, text_of(down), anchor="end"))
        for column, across in enumerate(heat.across.values):
            is_best = best[heat.down.name] == down and best[heat.across.name] == across
            parts.append(_cell(_LEFT + column * _CELL_WIDTH, y, heat.scores[row][column], span, is_best=is_best))
    bottom = _TOP + _CELL_HEIGHT * len(heat.down.values)
    parts += [
        _text(_LEFT + (column + 0.5) * _CELL_WIDTH, bottom + 16, text_of(value))
        for column, value in enumerate(heat.across.values)
    ]
    parts.append(_text(_LEFT + (width - _LEFT) / 2, bottom + 36, heat.across.name, style="name"))
    middle = (_TOP + bottom) / 2
    parts.append(
        f'<text x="14" y="{middle:.0f}" class="name" text-anchor="middle" transform="rotate(-90 14 {middle:.0f})">'
        f"{escape(heat.down.name)}</text>"
    )
    label = f"median score over {heat.down.name} and {heat.across.name}"
    return _svg(width, height, parts, label)


def marginal_svg(name: str, marginals: Sequence[Marginal], best: Value, span: Span) -> str:
    """Return median (filled) and best (ring) score at each value of a parameter; the best trial's value is marked."""
    low, high = span if span[1] > span[0] else (span[0] - 0.5, span[1] + 0.5)
    left, top, bottom = 46, 10, _CHART_HEIGHT - 40
    step = (_CHART_WIDTH - left - 16) / max(1, len(marginals) - 1)

    def x_at(number: int) -> float:
        return left + step * number if len(marginals) > 1 else (left + _CHART_WIDTH) / 2

    def y_at(score: float) -> float:
        return bottom - (score - low) / (high - low) * (bottom - top)

    parts = [
        f'<line x1="{left - 8}" x2="{_CHART_WIDTH - 8}" y1="{y_at(v):.1f}" y2="{y_at(v):.1f}" class="grid"/>'
        f"{_text(left - 12, y_at(v) + 4, ratio(v), anchor='end')}"
        for v in (low, high)
    ]
    known = [(number, each.median) for number, each in enumerate(marginals) if each.median is not None]
    points = " ".join(f"{x_at(number):.1f},{y_at(score):.1f}" for number, score in known)
    parts.append(f'<polyline points="{points}" class="median"/>')
    for number, each in enumerate(marginals):
        style = "name" if each.value == best else ""
        parts.append(_text(x_at(number), bottom + 18, text_of(each.value), style=style))
        if each.median is not None and each.best is not None:
            parts.append(f'<circle cx="{x_at(number):.1f}" cy="{y_at(each.median):.1f}" r="4" class="dot"/>')
            parts.append(f'<circle cx="{x_at(number):.1f}" cy="{y_at(each.best):.1f}" r="5" class="ring"/>')
    parts.append(_text((left + _CHART_WIDTH) / 2, bottom + 36, name, style="name"))
    return _svg(_CHART_WIDTH, _CHART_HEIGHT, parts, f"score by {name}")


STYLE = (
    "svg{display:block;font:12px system-ui,sans-serif;fill:#1c2733}svg .name{font-weight:600}"
    "svg .grid{stroke:#d5dde6}svg .median{fill:none;stroke:#0b3d7a;stroke-width:2}svg .dot{fill:#0b3d7a}"
    "svg .ring{fill:none;stroke:#0b3d7a;stroke-width:1.5}"
)
"""Of the charts of this module."""


def _cell(x: float, y: float, score: float | None, span: Span, *, is_best: bool) -> str:
    frame = ' stroke="#d9480f" stroke-width="3"' if is_best else ' stroke="#fff"'
    inset = 2 if is_best else 0.5
    if score is None:
        fill, ink = "#f3f3f3", "#777"
    else:
        red, green, blue = colour_of(score, span)
        fill = f"#{red:02x}{green:02x}{blue:02x}"
        ink = "#fff" if red + green + blue < 380 else "#1c2733"
    box = (
        f'<rect x="{x + inset}" y="{y + inset}" width="{_CELL_WIDTH - 2 * inset}" '
        f'height="{_CELL_HEIGHT - 2 * inset}" fill="{fill}"{frame}/>'
    )
    middle = x + _CELL_WIDTH / 2
    return f'{box}<text x="{middle}" y="{y + 22}" text-anchor="middle" fill="{ink}">{ratio(score)}</text>'


def _text(x: float, y: float, words: str, *, anchor: str = "middle", style: str = "") -> str:
    named = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{named}>{escape(words)}</text>'


def _svg(width: float, height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
