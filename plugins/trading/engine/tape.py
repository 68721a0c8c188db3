"""Tape: the bars that become complete between two decisions, for the symbols that matter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.facts import Facts, bar_sessions, utc64
from trading.domain.instruments import Symbol
from trading.domain.market import Bar
from trading.domain.panel import TimeArray
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
        # A bar that became known late hides those after it until then, as it does for the indicators.
        return cls(series, {s: np.maximum.accumulate(np.maximum(b.ends_at, b.known_at)) for s, b in series.items()})

    def between(self, after: datetime | None, until: datetime, symbols: Iterable[Symbol]) -> list[Bar]:
        """Return the bars that became complete in (after, until], ascending by start, then symbol."""
        spans: dict[Symbol, range] = {}
        for symbol in symbols:
            if symbol in self.series:
                complete = self.complete_at[symbol]
                first = 0 if after is None else int(np.searchsorted(complete, utc64(after), side="right"))
                spans[symbol] = range(first, int(np.searchsorted(complete, utc64(until), side="right")))
        return self.bars(spans)

    def bars(self, spans: Mapping[Symbol, range]) -> list[Bar]:
        """Return the bars at these places of each symbol's series, ascending by start, then symbol."""
        bars = [_bar(self.series[symbol], place) for symbol, span in spans.items() for place in span]
        return sorted(bars, key=lambda b: (b.starts_at, b.symbol)) if len(bars) > 1 else bars

    def bar(self, symbol: Symbol, place: int) -> Bar:
        """Return one bar of a symbol's series."""
        return _bar(self.series[symbol], place)

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
    ends_at = _at(series.ends_at, row)
    return Bar(
        series.symbol,
        series.resolution,
        _at(series.starts_at, row),
        ends_at,
        series.open.item(row),
        series.high.item(row),
        series.low.item(row),
        series.close.item(row),
        series.volume.item(row),
        "tape",
        ends_at if series.known_at is series.ends_at else _at(series.known_at, row),
    )


def _at(instants: TimeArray, row: int) -> datetime:
    naive: datetime = instants.item(row)
    return naive.replace(tzinfo=UTC)
