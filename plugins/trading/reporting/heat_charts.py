"""Heat maps, marginals and scores by window as inline SVG in the colours of `report.css`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from trading.domain.searches import Outcome, Parameters, Search, Value, text_of
from trading.reporting.wording import ratio
from trading.research.robustness import HeatMap, Marginal
from trading.research.scoring import value_of

_CELL_WIDTH, _CELL_HEIGHT = 56, 32
_LEFT, _TOP, _BOTTOM = 78, 6, 44
_WIDTH, _HEIGHT = 310, 150
_BARS_WIDTH, _BARS_HEIGHT = 960, 220

type Span = tuple[float, float]
"""Lowest and highest score that the colours or the height stand for."""


def span_of(scores: Iterable[float | None]) -> Span:
    """Return the lowest and the highest of what is known; (0, 1) if nothing is."""
    known = [score for score in scores if score is not None]
    return (min(known), max(known)) if known else (0.0, 1.0)


def heat_map_svg(heat: HeatMap, best: Parameters, span: Span) -> str:
    """Return a heat map of median scores with the best trial's cell framed; a dash is a cell without a score."""
    width = _LEFT + _CELL_WIDTH * len(heat.across.values) + 4
    bottom = _TOP + _CELL_HEIGHT * len(heat.down.values)
    cells: list[str] = []
    names: list[str] = []
    for row, down in enumerate(heat.down.values):
        y = _TOP + row * _CELL_HEIGHT
        names.append(_text(_LEFT - 8, y + 21, text_of(down), anchor="end"))
        for column, across in enumerate(heat.across.values):
            is_best = best[heat.down.name] == down and best[heat.across.name] == across
            cell = _cell(_LEFT + column * _CELL_WIDTH, y, heat.scores[row][column], span, is_best=is_best)
            # The frame lies over its neighbours.
            cells.insert(len(cells) if is_best else 0, cell)
    for column, value in enumerate(heat.across.values):
        names.append(_text(_LEFT + (column + 0.5) * _CELL_WIDTH, bottom + 16, text_of(value)))
    names.append(_text(_LEFT + _CELL_WIDTH * len(heat.across.values) / 2, bottom + 37, heat.across.name, kind="name"))
    middle = (_TOP + bottom) / 2
    turned = f'x="14" y="{middle:.0f}" text-anchor="middle" transform="rotate(-90 14 {middle:.0f})"'
    names.append(f'<text {turned} class="name">{escape(heat.down.name)}</text>')
    label = f"median score over {heat.down.name} and {heat.across.name}"
    return _svg(width, bottom + _BOTTOM, [*cells, *names], label)


def _cell(x: float, y: float, score: float | None, span: Span, *, is_best: bool) -> str:
    low, high = span
    part = 0.0 if score is None else 1.0 if high == low else (score - low) / (high - low)
    kind = "unknown" if score is None else "strong" if part > 0.55 else "weak"
    frame = ' class="best"' if is_best else ""
    return (
        f'<rect x="{x + 1}" y="{y + 1}" width="{_CELL_WIDTH - 2}" height="{_CELL_HEIGHT - 2}"{frame} '
        f'style="fill:color-mix(in srgb,var(--c1) {part:.0%},var(--soft))"/>'
        f'<text x="{x + _CELL_WIDTH / 2}" y="{y + 21}" text-anchor="middle" class="{kind}">{ratio(score)}</text>'
    )


def marginal_svg(name: str, marginals: Sequence[Marginal], best: Value, span: Span) -> str:
    """Return median (dot) and best (ring) score at each value of a parameter; the best trial's value is bold."""
    low, high = span if span[1] > span[0] else (span[0] - 0.5, span[1] + 0.5)
    left, top, bottom = 48, 10, _HEIGHT - 40
    step = (_WIDTH - left - 26) / max(1, len(marginals) - 1)
    x = [left + 10 + step * number if len(marginals) > 1 else _WIDTH / 2 for number in range(len(marginals))]

    def height(score: float) -> float:
        return bottom - (score - low) / (high - low) * (bottom - top)

    parts = []
    for level in (low, high):
        y = height(level)
        parts.append(f'<line x1="{left}" x2="{_WIDTH - 8}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(_text(left - 6, y + 4, ratio(level), anchor="end"))
    points = " ".join(
        f"{at:.1f},{height(each.median):.1f}" for at, each in zip(x, marginals, strict=True) if each.median is not None
    )
    parts.append(f'<polyline points="{points}" class="line t1"/>')
    for at, each in zip(x, marginals, strict=True):
        parts.append(_text(at, bottom + 18, text_of(each.value), kind="name" if each.value == best else ""))
        if each.median is not None and each.best is not None:
            parts.append(f'<circle cx="{at:.1f}" cy="{height(each.median):.1f}" r="4" class="layer t1"/>')
            parts.append(f'<circle cx="{at:.1f}" cy="{height(each.best):.1f}" r="5" class="ring"/>')
    parts.append(_text((left + _WIDTH) / 2, bottom + 37, name, kind="name"))
    return _svg(_WIDTH, _HEIGHT, parts, f"score by {name}")


def window_scores_svg(search: Search, outcomes: Sequence[Outcome]) -> str:
    """Return the score of each window: searched (grey), tested (blue), own numbers tested (orange)."""
    objective = search.plan.objective
    rows = [[None if f is None else value_of(f, objective) for f in (o.train, o.test, o.own_test)] for o in outcomes]
    low, high = span_of([0.0, *(score for row in rows for score in row)])
    reach, step = (high - low) or 1.0, (_BARS_WIDTH - _LEFT) / len(rows)
    width = min(18.0, step / 4)

    def height(score: float) -> float:
        return _BARS_HEIGHT - 40 - (score - low) / reach * (_BARS_HEIGHT - 56)

    parts = [
        f'<line x1="{_LEFT}" x2="{_BARS_WIDTH}" y1="{height(0):.1f}" y2="{height(0):.1f}" class="base"/>',
        *(_text(_LEFT - 8, height(level) + 4, ratio(level), anchor="end") for level in sorted({low, 0.0, high})),
    ]
    for number, (outcome, row) in enumerate(zip(outcomes, rows, strict=True)):
        middle = _LEFT + (number + 0.5) * step
        for place, (score, kind) in enumerate(zip(row, ("searched", "layer t1", "layer t2"), strict=True)):
            if score is not None:
                top, tall = min(height(score), height(0)), abs(height(score) - height(0))
                x = middle + (place - 1.5) * width
                parts.append(
                    f'<rect x="{x:.1f}" y="{top:.1f}" width="{width - 2:.1f}" height="{tall:.1f}" class="{kind}"/>'
                )
        parts.append(_text(middle, _BARS_HEIGHT - 14, f"{search.windows[outcome.window].test_first_on:%Y-%m}"))
    return _svg(_BARS_WIDTH, _BARS_HEIGHT, parts, f"{objective} by window")


def _text(x: float, y: float, words: str, *, anchor: str = "middle", kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{named}>{escape(words)}</text>'


def _svg(width: float, height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg class="scores" viewBox="0 0 {width:.0f} {height:.0f}" style="width:{width:.0f}px" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
