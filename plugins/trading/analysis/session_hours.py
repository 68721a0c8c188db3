"""Session hours out of half hours: 09:30 New York anchored, seven a day, the last one as long as the session leaves it.

Decisions, fills and marks read the half hours themselves: each slot ends with one, so the close is the hour's, and a
stop inside an hour is met in the right half. The hour is what people and other programs compare with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trading.analysis.facts import utc64
from trading.domain.market import Resolution, Session
from trading.domain.series import BarSeries

_HALF, _HOUR = np.timedelta64(30, "m"), np.timedelta64(60, "m")


def session_hours(half_hours: BarSeries, sessions: Sequence[Session]) -> BarSeries:
    """Return the complete hours of `sessions`; an hour that lacks a half is left out, never made of the other half.

    Open of the first half, close of the last, highest high, lowest low, sum of the volumes [shares]; known when the
    last of its halves was.

    Args:
        half_hours: of one symbol; what lies outside the sessions or off their grid counts for nothing.
        sessions: ascending.
    """
    if not sessions or not len(half_hours):
        return _none_of(half_hours)
    opens = np.array([utc64(s.opens_at) for s in sessions], dtype="datetime64[us]")
    closes = np.array([utc64(s.closes_at) for s in sessions], dtype="datetime64[us]")
    starts = half_hours.starts_at
    session = np.searchsorted(opens, starts, side="right") - 1
    into = starts - opens[session]
    is_inside = (session >= 0) & (half_hours.ends_at <= closes[session]) & (into % _HALF == np.timedelta64(0))
    rows = np.flatnonzero(is_inside)
    if not len(rows):
        return _none_of(half_hours)
    begins_at = opens[session[rows]] + into[rows] // _HOUR * _HOUR
    first = np.flatnonzero(np.append(True, begins_at[1:] != begins_at[:-1]))
    last = np.append(first[1:], len(rows)) - 1
    ends_at = np.minimum(begins_at[first] + _HOUR, closes[session[rows[first]]])
    is_whole = (last - first + 1) * _HALF == ends_at - begins_at[first]
    return BarSeries(
        half_hours.symbol,
        Resolution.HOUR,
        begins_at[first][is_whole],
        ends_at[is_whole],
        np.maximum.reduceat(half_hours.known_at[rows], first)[is_whole],
        half_hours.open[rows][first][is_whole],
        np.maximum.reduceat(half_hours.high[rows], first)[is_whole],
        np.minimum.reduceat(half_hours.low[rows], first)[is_whole],
        half_hours.close[rows][last][is_whole],
        np.add.reduceat(half_hours.volume[rows], first)[is_whole],
    )


def _none_of(series: BarSeries) -> BarSeries:
    return replace(series.take(slice(0, 0)), resolution=Resolution.HOUR)
