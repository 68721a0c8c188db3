"""Tape: the bars that become complete between two decisions, for the symbols that matter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.facts import Facts, bar_sessions, utc64
from trading.domain.instruments import Symbol
from trading.domain.market import Bar, Resolution
from trading.domain.panel import TimeArray, instant
from trading.domain.series import ARRAYS, BarSeries


@dataclass(frozen=True)
class Tape:
    """The bars that orders are filled from: the finest resolution stored of each session.

    Attributes:
        series: one series by symbol.
        complete_at: when each of its bars may be used, by symbol.
    """

    series: dict[Symbol, BarSeries]
    complete_at: dict[Symbol, TimeArray]

    @classmethod
    def of(cls, facts: Facts, symbols: Iterable[Symbol], *, daily_pricing: bool) -> Tape:
        """Return the tape of `symbols`; daily bars stand in for sessions without intraday ones if `daily_pricing`."""
        series: dict[Symbol, BarSeries] = {}
        for symbol in symbols:
            daily = facts.daily(symbol) if daily_pricing else None
            if sources := [s for s in (*facts.intraday(symbol), daily) if s is not None and len(s)]:
                series[symbol] = reduce(_completed_by, sources)
        return cls(series, {s: np.maximum(bars.ends_at, bars.known_at) for s, bars in series.items()})

    def between(self, after: datetime | None, until: datetime, symbols: Iterable[Symbol]) -> list[Bar]:
        """Return the bars that became complete in (after, until], ascending by start, then symbol."""
        bars: list[Bar] = []
        for symbol in symbols:
            if (series := self.series.get(symbol)) is None:
                continue
            complete = self.complete_at[symbol]
            first = 0 if after is None else int(np.searchsorted(complete, utc64(after), side="right"))
            last = int(np.searchsorted(complete, utc64(until), side="right"))
            bars += [_bar(series, i) for i in range(first, last)]
        return sorted(bars, key=lambda b: (b.starts_at, b.symbol))

    def starts_bar(self, symbol: Symbol, at: datetime) -> bool:
        """Whether a bar of `symbol` starts at `at`."""
        series = self.series.get(symbol)
        if series is None:
            return False
        row = int(np.searchsorted(series.starts_at, utc64(at)))
        return row < len(series) and bool(series.starts_at[row] == utc64(at))

    def is_pending(self, symbol: Symbol, first_at: datetime, until: datetime, at: datetime) -> bool:
        """Whether a bar of `symbol` that starts in [first_at, until) is not complete at `at`."""
        if (series := self.series.get(symbol)) is None:
            return False
        first, last = np.searchsorted(series.starts_at, [utc64(first_at), utc64(until)])
        return bool((self.complete_at[symbol][first:last] > utc64(at)).any())

    def first_open(self, symbol: Symbol, since: datetime, cutoff_at: datetime) -> float | None:
        """Return the open of the first bar at or after `since`; None if it is not complete by `cutoff_at`."""
        if (series := self.series.get(symbol)) is None:
            return None
        row = int(np.searchsorted(series.starts_at, utc64(since), side="left"))
        if row == len(series) or self.complete_at[symbol][row] > utc64(cutoff_at):
            return None
        return float(series.open[row])


def _completed_by(finer: BarSeries, coarser: BarSeries) -> BarSeries:
    """Return `finer` with the bars of `coarser` for the sessions that it lacks."""
    lacking = ~np.isin(bar_sessions(coarser), bar_sessions(finer))
    if not lacking.any():
        return finer
    starts_at = np.concatenate([finer.starts_at, coarser.starts_at[lacking]])
    order = np.argsort(starts_at, kind="stable")

    def joined(name: str) -> NDArray[Any]:
        return np.asarray(np.concatenate([getattr(finer, name), getattr(coarser, name)[lacking]])[order])

    return BarSeries(finer.symbol, finer.resolution, **{name: joined(name) for name in ARRAYS})


def _bar(series: BarSeries, row: int) -> Bar:
    starts_at, ends_at, known_at = (instant(a[row]) for a in (series.starts_at, series.ends_at, series.known_at))
    assert starts_at is not None, "stored bars have instants"
    assert ends_at is not None, "stored bars have instants"
    assert known_at is not None, "stored bars have instants"
    return Bar(
        series.symbol,
        Resolution(series.resolution),
        starts_at,
        ends_at,
        float(series.open[row]),
        float(series.high[row]),
        float(series.low[row]),
        float(series.close[row]),
        float(series.volume[row]),
        "tape",
        known_at,
    )
