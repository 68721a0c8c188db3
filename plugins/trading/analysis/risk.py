"""Market-wide risk: the VIX of the hour, inflation and geopolitical risk as first published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.facts import (
    DecisionTimes,
    Facts,
    bar_sessions,
    code,
    last_known,
    last_known_bar,
    pick,
    pick_time,
    utc64,
)
from trading.domain.instruments import VIX
from trading.domain.market import MacroPoint, MacroSeries
from trading.domain.panel import FloatArray, TimeArray, Why
from trading.domain.signals import canonical

MAX_MACRO_AGE = np.timedelta64(75, "D")
"""A monthly figure is published about two weeks after its month; past this age it is stale."""


def risk_columns(facts: Facts, times: DecisionTimes) -> dict[str, NDArray[Any]]:
    """Return the market-wide panel columns, each of shape (times, 1)."""
    columns = {**_vix_columns(facts, times), **_macro_columns(facts.macro, times)}
    return {name: values.reshape(-1, 1) for name, values in columns.items()}


def _vix_columns(facts: Facts, times: DecisionTimes) -> dict[str, NDArray[Any]]:
    vix = np.full(len(times), np.nan)
    vix_at = np.full(len(times), np.datetime64("NaT"), dtype="datetime64[us]")
    change = np.full(len(times), np.nan)
    daily = facts.daily(VIX)
    for series in (*facts.intraday(VIX), *((daily,) if daily is not None else ())):
        row = last_known_bar(series, times)
        ended = pick_time(series.ends_at, row)
        newer = (row >= 0) & (np.isnat(vix_at) | (ended > vix_at))
        vix = np.where(newer, pick(series.close, row), vix)
        vix_at = np.where(newer, ended, vix_at)
    if daily is not None and len(daily):
        # Against the session before its own: a close that is the newest value is told beside the close before it.
        before = np.searchsorted(bar_sessions(daily), vix_at.astype("datetime64[D]"), side="left") - 1
        is_known = ~np.isnat(vix_at) & (before <= last_known_bar(daily, times))
        change = canonical(vix / pick(daily.close, np.where(is_known, before, -1)) - 1.0)
    stale = vix_at.astype("datetime64[D]") < times.previous_on
    why = code(np.isnat(vix_at), Why.NO_DATA, code(stale, Why.STALE, Why.KNOWN))
    return {"vix": vix, "vix_change_frac": change, "vix_at": vix_at, "why_vix": why}


def _macro_columns(points: Sequence[MacroPoint], times: DecisionTimes) -> dict[str, NDArray[Any]]:
    yoy, yoy_before, cpi_at, cpi_on = _inflation([p for p in points if p.series is MacroSeries.CPI_NSA], times)
    gpr, gpr_mean, gpr_at = _geopolitics([p for p in points if p.series is MacroSeries.GPR], times)
    stale = times.session_on - cpi_on > MAX_MACRO_AGE
    why = code(np.isnan(yoy), Why.NO_DATA, code(stale, Why.STALE, Why.KNOWN))
    return {
        "cpi_yoy_frac": yoy,
        "cpi_yoy_3m_ago_frac": yoy_before,
        "gpr": gpr,
        "gpr_mean_12m": gpr_mean,
        "macro_at": np.where(np.isnat(cpi_at), gpr_at, cpi_at),
        "why_macro": why,
    }


def _inflation(
    points: Sequence[MacroPoint], times: DecisionTimes
) -> tuple[FloatArray, FloatArray, TimeArray, NDArray[np.datetime64]]:
    yoy, before, months = [], [], []
    for level in _published(points):
        newest = max(level)
        yoy.append(_yoy(level, newest))
        before.append(_yoy(level, newest - 3))
        months.append(_first_day(newest))
    known_at = _known_at(points)
    row = last_known(known_at, times.cutoff_at)
    return pick(np.array(yoy), row), pick(np.array(before), row), pick_time(known_at, row), _month_of(months, row)


def _geopolitics(points: Sequence[MacroPoint], times: DecisionTimes) -> tuple[FloatArray, FloatArray, TimeArray]:
    values, means, months = [], [], []
    for level in _published(points):
        newest = max(level)
        year = [level[month] for month in range(newest - 11, newest + 1) if month in level]
        values.append(level[newest])
        means.append(np.mean(year) if len(year) == 12 else np.nan)
        months.append(_first_day(newest))
    known_at = _known_at(points)
    row = last_known(known_at, times.cutoff_at)
    # An index that is published no longer says nothing about the world of today.
    row = np.where(times.session_on - _month_of(months, row) > MAX_MACRO_AGE, -1, row)
    return pick(np.array(values), row), pick(np.array(means), row), pick_time(known_at, row)


def _published(points: Sequence[MacroPoint]) -> Iterator[dict[int, float]]:
    """Yield the months known after each publication, in the order in which they came; the first value of a month stays.

    The same dictionary is yielded again and again, each time with one publication more.
    """
    level: dict[int, float] = {}
    for point in sorted(points, key=_publication):
        level.setdefault(_month(point.period_on), point.value)
        yield level


def _known_at(points: Sequence[MacroPoint]) -> TimeArray:
    return np.array([utc64(p.known_at) for p in sorted(points, key=_publication)], dtype="datetime64[us]")


def _publication(point: MacroPoint) -> tuple[datetime, date]:
    return point.known_at, point.period_on


def _month_of(months: Sequence[np.datetime64], row: NDArray[np.intp]) -> NDArray[np.datetime64]:
    """Return the first day of the month that each row tells of, NaT where the row is negative."""
    if not months:
        return np.full(len(row), np.datetime64("NaT"), dtype="datetime64[D]")
    return np.where(row >= 0, np.array(months, dtype="datetime64[D]")[np.maximum(row, 0)], np.datetime64("NaT"))


def _first_day(month: int) -> np.datetime64:
    return np.datetime64(f"{month // 12:04}-{month % 12 + 1:02}-01", "D")


def _month(on: date) -> int:
    """Return the number of a month, counted from the year 0."""
    return on.year * 12 + on.month - 1


def _yoy(level: dict[int, float], month: int) -> float:
    now, before = level.get(month), level.get(month - 12)
    return now / before - 1.0 if now is not None and before else float("nan")
