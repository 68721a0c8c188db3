"""Earnings surprises: what a company last reported against what had been expected of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.facts import DecisionTimes, code, last_known, pick, pick_time, utc64
from trading.domain.instruments import InstrumentKind, Symbol, Universe
from trading.domain.market import EarningsReport
from trading.domain.panel import Why
from trading.domain.runs import Columns, Runs, Steps, step_begins

SURPRISE_MAX_AGE = timedelta(days=120)
"""Companies report every quarter: an older surprise means that a newer one is missing."""


def earnings_columns(
    reports: Sequence[EarningsReport], universe: Universe, times: DecisionTimes
) -> dict[str, NDArray[Any] | Runs]:
    """Return the panel columns of earnings surprises for the traded symbols, each of shape (times, symbols)."""
    columns = Columns(len(times), len(universe.traded))
    by_symbol: dict[Symbol, list[EarningsReport]] = {}
    for report in reports:
        by_symbol.setdefault(report.symbol, []).append(report)
    for symbol in universe.traded:
        is_company = universe[symbol].kind is InstrumentKind.STOCK
        columns.add(_last_surprise(by_symbol.get(symbol, ()), times, is_company=is_company))
    return columns.done()


def _last_surprise(reports: Sequence[EarningsReport], times: DecisionTimes, *, is_company: bool) -> dict[str, Steps]:
    """Return the surprise of the newest report known at each time, or why there is none."""
    told = sorted(reports, key=lambda r: (r.known_at, r.reported_on, r.source))
    newest = _newest_of_each(told)
    index = last_known(np.array([utc64(r.known_at) for r in told], dtype="datetime64[us]"), times.cutoff_at)
    begins = step_begins(index, times.session_on)
    index, session_on = index[begins], times.session_on[begins]
    surprise = pick(_floats([r.surprise_frac for r in newest]), index)
    reported_at = pick_time(np.array([utc64(r.known_at) for r in newest], dtype="datetime64[us]"), index)
    reported_on = np.array([r.reported_on for r in newest] or [date.min], dtype="datetime64[D]")[np.maximum(index, 0)]
    is_old = (index >= 0) & (session_on - reported_on > np.timedelta64(SURPRISE_MAX_AGE.days, "D"))
    why = code(np.isnan(surprise), Why.NO_DATA if is_company else Why.NOT_APPLICABLE, Why.KNOWN)
    columns = {
        "earnings_surprise_frac": np.where(is_old, np.nan, surprise),
        "earnings_reported_at": reported_at,
        "why_earnings": code(is_old, Why.STALE, why),
    }
    return {name: Steps(values, begins, len(times)) for name, values in columns.items()}


def _newest_of_each(told: Sequence[EarningsReport]) -> list[EarningsReport]:
    """Return for each report, ascending by `known_at`, the newest one by its day that is known with it."""
    newest: list[EarningsReport] = []
    for report in told:
        is_newer = not newest or report.reported_on >= newest[-1].reported_on
        newest.append(report if is_newer else newest[-1])
    return newest


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def readable_at(reported_on: date, release: str | None, opens_at: datetime | None, next_opens_at: datetime) -> datetime:
    """Return from when a report counts: the day's open for a release before the market, else the open after it.

    Args:
        release: "pre-market", "post-market", or None where the source does not say.
        opens_at: of the session of `reported_on`; None where that day has none.
        next_opens_at: of the session after it.
    """
    assert next_opens_at.date() > reported_on, "the next session is later than the report"
    return opens_at if release == "pre-market" and opens_at is not None else next_opens_at
