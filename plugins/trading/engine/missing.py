"""What a stretch of history lacks: the hours and sessions for which a bar was due and none was known at the decision.

Such an hour is not traded: its price is unfit for entries (`analysis.technicals`), and no order fills without a bar.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from trading.analysis.facts import Facts, bar_sessions
from trading.domain.instruments import VIX, Symbol
from trading.domain.market import Slot
from trading.domain.panel import FeaturePanel, Why
from trading.engine.hours import Timeline
from trading.engine.result import ReplayResult

ABSENT = (Why.NO_DATA, Why.STALE, Why.NO_HOURLY_BARS)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without bars of one symbol.

    Attributes:
        starts_at, ends_at: start of its first hour or session, end of its last one.
        count: consecutive hours, or sessions of daily bars, that it holds.
        is_daily: whether daily bars are missing, not those of the hours.
    """

    symbol: Symbol
    starts_at: datetime
    ends_at: datetime
    count: int
    is_daily: bool = False


def missing_hours(panel: FeaturePanel, timeline: Timeline) -> tuple[Gap, ...]:
    """Return the hours without a bar of their own, by symbol, then of the VIX without a usable value.

    A symbol that is priced by its daily bars has no hours to miss; its price is unknown only when a day is.
    """
    slots = timeline.slots
    starts = timeline.grid.starts_at[:, None]
    has_no_bar = np.isnat(panel.price_at) | ((panel.price_at <= starts) & (panel.daily_priced != 1.0))
    missing = np.isin(panel.why_price, ABSENT) | has_no_bar
    gaps = [_gap(s, slots, run) for i, s in enumerate(panel.symbols) for run in _runs(missing[:, i])]
    gaps += [_gap(VIX, slots, run) for run in _runs(np.isin(panel.why_vix[:, 0], ABSENT))]
    return tuple(gaps)


def idle_sessions(result: ReplayResult) -> int:
    """Return in how many sessions of a replay no name of the list had a usable price: it could not trade then."""
    is_priced = (result.panel.why_price == Why.KNOWN).any(axis=1)
    begins = np.flatnonzero(np.append(True, result.curve.is_closing[:-1]))
    return int((~np.logical_or.reduceat(is_priced, begins)).sum()) if len(is_priced) else 0


def missing_days(facts: Facts, symbols: Iterable[Symbol], timeline: Timeline) -> tuple[Gap, ...]:
    """Return the sessions without a daily bar, by symbol."""
    sessions = timeline.sessions
    days = np.array([s.session_on for s in sessions], dtype="datetime64[D]")
    gaps: list[Gap] = []
    for symbol in symbols:
        daily = facts.daily(symbol)
        missing = np.ones(len(days), dtype=bool) if daily is None else ~np.isin(days, bar_sessions(daily))
        for first, last in _runs(missing):
            gaps.append(
                Gap(symbol, sessions[first].opens_at, sessions[last].closes_at, last - first + 1, is_daily=True)
            )
    return tuple(gaps)


def _gap(symbol: Symbol, slots: Sequence[Slot], run: tuple[int, int]) -> Gap:
    first, last = run
    return Gap(symbol, slots[first].starts_at, slots[last].as_of, last - first + 1)


def _runs(missing: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield (first, last) row of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
    return ((int(first), int(end) - 1) for first, end in zip(edges[::2], edges[1::2], strict=True))
