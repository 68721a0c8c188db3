"""NAV and drawdown as charts: the book, what simply held would have done, and a second book beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

import numpy as np
from markupsafe import Markup

from trading.domain.panel import FloatArray
from trading.ports import MarketCalendar, Transaction
from trading.reporting.charts import Series, TimeChart, linear_axis
from trading.reporting.charts_svg import drawn
from trading.reporting.figures import LINES, FigureLine, benchmark_name
from trading.reporting.wording import change, fall, tick_percent
from trading.strategy.spec import StrategySpec
from trading.tasks.standing import BOOK, BookHistory, Curve, curve_of

_SHOWN = ("total_frac", "cagr_frac", "volatility_frac", "sharpe", "sortino", "drawdown_frac", "best_frac", "worst_frac")
MOST_LINES = 4
"""As many as colours that colour-blind readers tell apart."""
FEW_SESSIONS = 60
"""Under a quarter of sessions what is scaled to a year is mostly chance."""


@dataclass(frozen=True, slots=True)
class CurvePanel:
    """Both charts and the figures beside one another.

    Attributes:
        grown, fallen: charts. points: what the cross-hair tells, as JSON: days, and a list of values by name.
        figures: a row for each figure: its name, then its value for each of `names`.
        session_count: sessions that the figures are made of.
    """

    grown: Markup
    fallen: Markup
    points: str
    names: tuple[str, ...]
    figures: tuple[tuple[FigureLine, tuple[str, ...]], ...]
    first_on: date
    last_on: date
    session_count: int


def curve_panel(
    tx: Transaction,
    calendar: MarketCalendar,
    spec: StrategySpec,
    history: BookHistory,
    other: BookHistory | None,
    *,
    now: datetime,
) -> CurvePanel | None:
    """Return the charts of a book; None before its first close."""
    curve = curve_of(tx, calendar, spec, history, now=now)
    if len(curve.points) < 2 or curve.first_on is None or curve.last_on is None:
        return None
    days = [point.mark.session_on for point in curve.points]
    lines: dict[str, FloatArray] = {str(history.book): np.array([p.growth for p in curve.points]) - 1.0}
    falls: dict[str, FloatArray] = {str(history.book): -np.array([p.drawdown_frac for p in curve.points])}
    whole = _closed(tx, calendar, spec, history, curve, now=now)
    figures = {str(history.book): asdict(whole.figures[BOOK])}
    if other is not None:
        beside = curve_of(tx, calendar, spec, other, now=now)
        lines[str(other.book)], falls[str(other.book)] = _on_days(beside, days)
        if BOOK in beside.figures:
            figures[str(other.book)] = asdict(beside.figures[BOOK])
    for name, values in curve.benchmarks.items():
        lines[benchmark_name(name)] = np.array([np.nan if v is None else v for v in values]) - 1.0
        figures[benchmark_name(name)] = asdict(whole.figures[name])
    lines = dict(list(lines.items())[:MOST_LINES])
    return CurvePanel(
        grown=_chart(days, lines, "growth since the first session, deposits taken out", is_fall=False),
        fallen=_chart(days, falls, "fall from the highest value so far", is_fall=True),
        points=_points(days, lines, falls),
        names=tuple(figures),
        figures=tuple((line, tuple(line.of(f) for f in figures.values())) for line in LINES if line.key in _SHOWN),
        first_on=curve.first_on,
        last_on=curve.last_on,
        session_count=len(whole.points),
    )


def _closed(
    tx: Transaction, calendar: MarketCalendar, spec: StrategySpec, history: BookHistory, curve: Curve, *, now: datetime
) -> Curve:
    """Return the curve until its newest close: during a session no benchmark has a close to be compared at."""
    closes = [point.mark.session_on for point in curve.points if point.mark.is_closing]
    if not closes or curve.points[-1].mark.is_closing:
        return curve
    return curve_of(tx, calendar, spec, history, now=now, last_on=closes[-1])


def _on_days(curve: Curve, days: Sequence[date]) -> tuple[FloatArray, FloatArray]:
    """Return growth and drawdown of another book on these days; unknown where it had none."""
    grown = {point.mark.session_on: point.growth - 1.0 for point in curve.points}
    fallen = {point.mark.session_on: -point.drawdown_frac for point in curve.points}
    return np.array([grown.get(on, np.nan) for on in days]), np.array([fallen.get(on, np.nan) for on in days])


def _chart(days: Sequence[date], lines: Mapping[str, FloatArray], label: str, *, is_fall: bool) -> Markup:
    known = np.concatenate([values[np.isfinite(values)] for values in lines.values()])
    low, high = min(float(known.min(initial=0.0)), 0.0), max(float(known.max(initial=0.0)), 0.0)
    shown = [
        Series(name, values, tone, (fall(-_extreme(values)) if is_fall else change(_last(values))))
        for tone, (name, values) in enumerate(lines.items(), start=1)
    ]
    chart = TimeChart(
        label=label, days=np.array(days, dtype="datetime64[D]"), series=shown, base=0.0, is_low=is_fall,
        axis=linear_axis(min(low, -0.01), high), word=tick_percent,
    )  # fmt: skip
    return Markup(drawn(chart).html)  # noqa: S704 - the charting module escapes names


def _last(values: FloatArray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known[-1]) if known.size else None


def _extreme(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.min()) if known.size else 0.0


def _points(days: Sequence[date], lines: Mapping[str, FloatArray], falls: Mapping[str, FloatArray]) -> str:
    def plain(values: FloatArray) -> list[float | None]:
        return [round(float(v), 4) if np.isfinite(v) else None for v in values]

    told = {
        "days": [f"{on:%a %-d %b %Y}" for on in days],
        "grown": {name: plain(values) for name, values in lines.items()},
        "fallen": {name: plain(values) for name, values in falls.items()},
    }
    return json.dumps(told, separators=(",", ":"))
