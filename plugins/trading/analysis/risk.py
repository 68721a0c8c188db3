"""Market-wide risk: the VIX of the hour, inflation and geopolitical risk as first published."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.facts import DecisionTimes, Facts, bar_sessions, code, last_known, pick, pick_time, utc64
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
        row = np.minimum(last_known(series.ends_at, times.as_of), last_known(series.known_at, times.cutoff_at))
        ended = pick_time(series.ends_at, row)
        newer = (row >= 0) & (np.isnat(vix_at) | (ended > vix_at))
        vix = np.where(newer, pick(series.close, row), vix)
        vix_at = np.where(newer, ended, vix_at)
    if daily is not None and len(daily):
        before = np.searchsorted(bar_sessions(daily), times.session_on, side="left") - 1
        change = canonical(vix / pick(daily.close, before) - 1.0)
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
    level = {_month(p.period_on): p.value for p in points}
    ordered = sorted(points, key=lambda p: (p.known_at, p.period_on))
    yoy = np.array([_yoy(level, _month(p.period_on)) for p in ordered])
    before = np.array([_yoy(level, _month(p.period_on) - 3) for p in ordered])
    known_at = np.array([utc64(p.known_at) for p in ordered], dtype="datetime64[us]")
    months = np.array([p.period_on for p in ordered], dtype="datetime64[D]")
    row = last_known(known_at, times.cutoff_at)
    month = np.where(row >= 0, months[np.maximum(row, 0)], np.datetime64("NaT")) if len(months) else _no_dates(len(row))
    return pick(yoy, row), pick(before, row), pick_time(known_at, row), month


def _geopolitics(points: Sequence[MacroPoint], times: DecisionTimes) -> tuple[FloatArray, FloatArray, TimeArray]:
    ordered = sorted(points, key=lambda p: (p.known_at, p.period_on))
    values = np.array([p.value for p in ordered])
    means = np.array([values[max(0, i - 11) : i + 1].mean() if i >= 11 else np.nan for i in range(len(values))])
    known_at = np.array([utc64(p.known_at) for p in ordered], dtype="datetime64[us]")
    row = last_known(known_at, times.cutoff_at)
    return pick(values, row), pick(means, row), pick_time(known_at, row)


def _no_dates(length: int) -> NDArray[np.datetime64]:
    return np.full(length, np.datetime64("NaT"), dtype="datetime64[D]")


def _month(on: date) -> int:
    return on.year * 12 + on.month


def _yoy(level: dict[int, float], month: int) -> float:
    now, before = level.get(month), level.get(month - 12)
    return now / before - 1.0 if now is not None and before else float("nan")
