"""Charts of a walk-forward as inline SVG: the tests one behind the other, and searched beside tested scores."""

from __future__ import annotations

from collections.abc import Sequence

from trading.domain.searches import Outcome, Search
from trading.reporting.heat_charts import span_of
from trading.reporting.wording import ratio, whole
from trading.research.forward import stitched
from trading.research.scoring import value_of

STYLE = (
    "svg .line{fill:none;stroke:#0b3d7a;stroke-width:1.8}svg .edge{stroke:#b9c6d4;stroke-dasharray:3 3}"
    "svg .searched{fill:#b9c6d4}svg .tested{fill:#0b3d7a}svg .own{fill:#d9480f}"
)
"""Of the charts of this module, besides that of `heat_charts`."""
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 560, 240, 66, 24, 34


def equity_svg(search: Search, outcomes: Sequence[Outcome]) -> str:
    """Return the equity of the tests one behind the other; a dashed line where a window begins."""
    equity = stitched([outcome.test_equity for outcome in outcomes])
    low, high = float(equity.min()), float(equity.max())
    reach = (high - low) or 1.0

    def x_at(number: float) -> float:
        return _LEFT + number / max(1, len(equity) - 1) * (_WIDTH - _LEFT - 10)

    def y_at(value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - low) / reach * (_HEIGHT - _BOTTOM - _TOP)

    parts, begins = [], 0
    for outcome in outcomes:
        window = search.windows[outcome.window]
        x = x_at(begins)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" class="edge"/>')
        if outcome.window % max(1, len(outcomes) // 6) == 0:
            parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - 14}">{window.test_first_on:%Y-%m}</text>')
        begins += len(outcome.test_equity) - 1
    points = " ".join(f"{x_at(number):.1f},{y_at(value):.1f}" for number, value in enumerate(equity.tolist()))
    parts.append(f'<polyline points="{points}" class="line"/>')
    parts += [f'<text x="{_LEFT - 8}" y="{y_at(v) + 4:.1f}" text-anchor="end">{whole(v)}</text>' for v in (low, high)]
    return _svg(parts, "tests one behind the other, USD")


def scores_svg(search: Search, outcomes: Sequence[Outcome]) -> str:
    """Return the score of each window: searched (grey), tested (blue), and the strategy's own numbers (orange)."""
    objective = search.plan.objective
    rows = [[None if f is None else value_of(f, objective) for f in (o.train, o.test, o.own_test)] for o in outcomes]
    low, high = span_of([0.0, *(score for row in rows for score in row)])
    reach = (high - low) or 1.0
    step = (_WIDTH - _LEFT - 10) / len(rows)
    bar = min(14.0, step / 4)

    def y_at(value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - low) / reach * (_HEIGHT - _BOTTOM - _TOP)

    parts = [f'<line x1="{_LEFT}" x2="{_WIDTH - 10}" y1="{y_at(0):.1f}" y2="{y_at(0):.1f}" class="grid"/>']
    for number, row in enumerate(rows):
        middle = _LEFT + (number + 0.5) * step
        for place, (score, style) in enumerate(zip(row, ("searched", "tested", "own"), strict=True)):
            if score is not None:
                top, height = min(y_at(score), y_at(0)), abs(y_at(score) - y_at(0))
                x = middle + (place - 1.5) * bar
                parts.append(
                    f'<rect x="{x:.1f}" y="{top:.1f}" width="{bar - 1:.1f}" height="{height:.1f}" class="{style}"/>'
                )
        parts.append(f'<text x="{middle:.1f}" y="{_HEIGHT - 14}" text-anchor="middle">{number + 1}</text>')
    parts += [
        f'<text x="{_LEFT - 8}" y="{y_at(v) + 4:.1f}" text-anchor="end">{ratio(v)}</text>' for v in {low, 0.0, high}
    ]
    keys = (("searched", "searched"), ("tested", "tested"), ("own", "own numbers tested"))
    for place, (style, words) in enumerate(keys):
        x = _LEFT + place * 100 + 60
        parts.append(
            f'<rect x="{x}" y="6" width="10" height="10" class="{style}"/><text x="{x + 14}" y="15">{words}</text>'
        )
    return _svg(parts, f"{objective} by window")


def _svg(parts: Sequence[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{title}">'
        f'<text x="0" y="15" class="name">{title}</text>{"".join(parts)}</svg>'
    )
