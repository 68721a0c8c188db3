"""Where the paper gateway's prices and corporate actions come from, finest resolution first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from trading.domain.instruments import Symbol
from trading.domain.market import Bar, CorporateAction, Resolution, TimeWindow
from trading.ports import BarSource, FundamentalsSource

LOOK_BACK_DAYS = 7
"""How far `last_price` searches: longer than any holiday weekend."""
ANNOUNCED_WITHIN = timedelta(days=366)
"""Sources are asked for actions that became known up to so long before their ex-date."""

type DayReader = Callable[[Symbol, date], Sequence[Bar]]
"""(symbol, UTC date) → that day's bars of one resolution, ascending; a New York session lies within one UTC date."""
type ActionReader = Callable[[Sequence[Symbol], date, date], Sequence[CorporateAction]]
"""(symbols, first, last) → the splits and dividends with an ex-date in [first, last]."""


class BarFeed(Protocol):
    """Market data as the simulated present unfolds."""

    symbols: frozenset[Symbol]

    def bars(self, symbol: Symbol, after: datetime, until: datetime) -> Iterable[Bar]:
        """Return the bars that end later than `after` and start at or before `until`, ascending."""
        ...

    def last_price(self, symbol: Symbol, at: datetime) -> float | None:
        """Return the newest price seen at `at` [USD/share], the open of a running bar or a close; None if unknown."""
        ...

    def actions(self, symbols: Sequence[Symbol], first_on: date, last_on: date) -> Sequence[CorporateAction]:
        """Return the splits and dividends of `symbols` with an ex-date in [first_on, last_on]."""
        ...


def no_actions(symbols: Sequence[Symbol], first_on: date, last_on: date) -> Sequence[CorporateAction]:
    """Return nothing: a market without splits and dividends."""
    return ()


class DailyFeed:
    """A feed that reads one day of one symbol at a time and keeps it.

    A day is read again while it goes on, because its later bars may be ingested later.
    """

    def __init__(self, symbols: Iterable[Symbol], read_day: DayReader, read_actions: ActionReader = no_actions) -> None:
        self.symbols = frozenset(symbols)
        self._read_day = read_day
        self._read_actions = read_actions
        self._days: dict[tuple[Symbol, date], tuple[datetime, tuple[Bar, ...]]] = {}

    def bars(self, symbol: Symbol, after: datetime, until: datetime) -> Iterable[Bar]:
        """Return the bars that end later than `after` and start at or before `until`, ascending."""
        for offset in range((until.date() - after.date()).days + 1):
            for bar in self._day(symbol, after.date() + timedelta(days=offset), until):
                if bar.ends_at > after and bar.starts_at <= until:
                    yield bar

    def last_price(self, symbol: Symbol, at: datetime) -> float | None:
        """Return the newest price seen at `at`; None if no bar began in the last `LOOK_BACK_DAYS`."""
        for offset in range(LOOK_BACK_DAYS + 1):
            day = self._day(symbol, at.date() - timedelta(days=offset), at)
            begun = [b for b in day if b.starts_at <= at]
            if begun:
                return begun[-1].close if begun[-1].ends_at <= at else begun[-1].open
        return None

    def actions(self, symbols: Sequence[Symbol], first_on: date, last_on: date) -> Sequence[CorporateAction]:
        """Return the splits and dividends of `symbols` with an ex-date in [first_on, last_on]."""
        return self._read_actions(symbols, first_on, last_on)

    def _day(self, symbol: Symbol, on: date, seen_at: datetime) -> tuple[Bar, ...]:
        if symbol not in self.symbols:
            return ()
        read_at, bars = self._days.get((symbol, on), (None, ()))
        if read_at is None or (read_at < seen_at and read_at.date() <= on):
            bars = tuple(self._read_day(symbol, on))
            self._days[symbol, on] = (seen_at, bars)
        return bars


def source_feed(source: BarSource, symbols: Iterable[Symbol], facts: FundamentalsSource | None = None) -> DailyFeed:
    """Return a feed over a bar source: the half hours of a day, or its daily bar; sources serve no hours.

    `facts` adds splits and dividends; None: there are none.
    """

    def read(symbol: Symbol, on: date) -> Sequence[Bar]:
        midnight = datetime.combine(on, time(), UTC)
        window = TimeWindow(midnight, midnight + timedelta(days=1))
        for resolution in (Resolution.HALF_HOUR, Resolution.DAY):
            if bars := list(source.bars(symbol, window, resolution)):
                return bars
        return ()

    return DailyFeed(symbols, read, no_actions if facts is None else _source_actions(facts))


def _source_actions(facts: FundamentalsSource) -> ActionReader:
    def read(symbols: Sequence[Symbol], first_on: date, last_on: date) -> Sequence[CorporateAction]:
        midnight = datetime.combine(last_on, time(), UTC)
        known = TimeWindow(midnight - ANNOUNCED_WITHIN - (last_on - first_on), midnight + timedelta(days=1))
        return [a for a in facts.corporate_actions(symbols, known) if first_on <= a.ex_on <= last_on]

    return read
