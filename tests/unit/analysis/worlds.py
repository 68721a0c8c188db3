"""A small invented market for tests of analysis and engine: two names with daily bars and half hours."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from trading.adapters.market_calendar import NyseCalendar
from trading.analysis.facts import DecisionTimes, Facts
from trading.domain.instruments import VIX
from trading.domain.market import Bar, Resolution
from trading.domain.runs import whole
from trading.domain.series import BarSeries
from trading.engine.hours import Terms, Timeline
from trading.tasks.facts import session_before, timeline_of

from tests.builders import series_of

CALENDAR = NyseCalendar()
HALF_HOUR = timedelta(minutes=30)


def daily_series(symbol: str, closes, *, last_on: date, resolution: Resolution = Resolution.DAY) -> BarSeries:
    """Return daily bars with these closes, the last one on the last session at or before `last_on`."""
    sessions = CALENDAR.sessions(last_on - timedelta(days=2 * len(closes) + 14), last_on)[-len(closes) :]
    return series_of(
        symbol,
        resolution,
        [
            Bar(symbol, resolution, s.opens_at, s.closes_at, c, c * 1.01, c * 0.99, c, 1e6, "test", s.closes_at)
            for s, c in zip(sessions, map(float, closes), strict=True)
        ],
    )


def half_hours(symbol: str, price_of, first_on: date, last_on: date) -> BarSeries:
    """Return half-hour bars; `price_of(n)` is the close of the n-th one."""
    bars, number, last = [], 0, price_of(0)
    for session in CALENDAR.sessions(first_on, last_on):
        starts_at = session.opens_at
        while starts_at < session.closes_at:
            close = price_of(number)
            high, low = max(last, close) * 1.001, min(last, close) * 0.999
            ends_at = starts_at + HALF_HOUR
            bars.append(
                Bar(symbol, Resolution.HALF_HOUR, starts_at, ends_at, last, high, low, close, 1e4, "test", ends_at)
            )
            starts_at, number, last = ends_at, number + 1, close
    return series_of(symbol, Resolution.HALF_HOUR, bars)


def times_of(first_on: date, last_on: date, *, delay_minutes: int = 0) -> DecisionTimes:
    """Return every decision time of the sessions in the range."""
    timeline = timeline_between(first_on, last_on)
    return timeline.times(Terms(delay_minutes))


def timeline_between(first_on: date, last_on: date) -> Timeline:
    """Return the sessions of the range."""
    return timeline_of(CALENDAR, first_on, last_on)


def rising_world(first_on: date, last_on: date) -> Facts:
    """GLD climbs with small dips (golden cross, RSI under 70), TSLA falls; the VIX is calm."""
    before = session_before(CALENDAR, first_on).session_on
    count = len(CALENDAR.sessions(first_on, last_on))
    n = np.arange(320 + count)
    climb = 100 * 1.0004**n * (1 + 0.012 * np.sin(n / 2.0))
    fall = 300 * 0.999**n
    bars = {}
    for symbol, closes in (("GLD", climb), ("TSLA", fall), (VIX, np.full(len(n), 15.0))):
        bars[symbol, Resolution.DAY] = daily_series(symbol, closes, last_on=last_on)
    start = {"GLD": float(climb[-count - 1]), "TSLA": float(fall[-count - 1])}
    for symbol, base in start.items():
        step = 1.0004 if symbol == "GLD" else 0.999
        bars[symbol, Resolution.HALF_HOUR] = half_hours(
            symbol, lambda k, base=base, step=step: base * step ** (k / 13), before, last_on
        )
    return Facts(bars=bars)


def laid_out(columns):
    """Return columns of a panel with every value of each, as whoever reads the panel sees them."""
    return {name: whole(column) for name, column in columns.items()}
