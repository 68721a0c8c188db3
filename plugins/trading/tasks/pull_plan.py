"""What a pull has to ask for: pieces of minutes, not hours, without what is stored or what the vendor does not have."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from trading.analysis.quality import expected_windows
from trading.domain.instruments import InstrumentKind, Symbol, Universe
from trading.domain.market import Resolution, TimeWindow
from trading.errors import DataRejected
from trading.ports import BarSource, MarketCalendar, Services, Sources
from trading.ports.calls import Quota

RESOLUTIONS = (Resolution.DAY, Resolution.HALF_HOUR)
SETTLED = timedelta(days=1)
"""What a vendor does not have of the last day may still come; what it lacks of earlier days it is not asked again."""
SYMBOLS_AT_ONCE = 25
"""Splits and dividends of so many symbols come with one question."""


class What(StrEnum):
    """What can be pulled."""

    BARS = "bars"
    ACTIONS = "actions"
    NEWS = "news"
    FILINGS = "filings"
    EARNINGS = "earnings"
    MACRO = "macro"


_OF_COMPANIES = frozenset({What.FILINGS, What.EARNINGS})
_MONTHS = {Resolution.DAY.value: 12, Resolution.HALF_HOUR.value: 3, What.NEWS.value: 1}
"""Length of a piece; it begins with a calendar year, quarter or month, so that every pull cuts alike."""
_CALLS = {Resolution.DAY.value: 1, Resolution.HALF_HOUR.value: 2, What.NEWS.value: 1, What.ACTIONS.value: 2}
_CALLS |= {What.FILINGS.value: 3, What.EARNINGS.value: 1, What.MACRO.value: 2}
"""Calls of one piece, about: pages hold 50,000 minutes or 1,000 stories."""


class Named(Protocol):
    """A source, whatever it serves."""

    name: str


@dataclass(frozen=True, slots=True)
class Unit:
    """One piece of work.

    Attributes:
        kind: a resolution for bars, else the name of `what`.
        source: who is asked.
        symbols: none for what belongs to no symbol.
        span: half open.
    """

    what: What
    kind: str
    source: str
    symbols: tuple[Symbol, ...]
    span: TimeWindow

    @property
    def label(self) -> str:
        """Return what people read, e.g. "NVDA 30m 2024-01..2024-03"."""
        about = self.symbols[0] if len(self.symbols) == 1 else f"{len(self.symbols)} symbols" if self.symbols else ""
        last = self.span.ends_at - timedelta(microseconds=1)
        return f"{about} {self.kind} {self.span.starts_at:%Y-%m}..{last:%Y-%m}".strip()

    @property
    def call_count(self) -> int:
        """Return about how many calls it takes."""
        return _CALLS[self.kind]

    def as_xcom(self) -> dict[str, Any]:
        """Return the JSON form that crosses tasks."""
        return {
            "what": self.what.value,
            "kind": self.kind,
            "source": self.source,
            "symbols": list(self.symbols),
            "from": self.span.starts_at.isoformat(),
            "to": self.span.ends_at.isoformat(),
        }

    @classmethod
    def from_xcom(cls, told: Mapping[str, Any]) -> Self:
        """Return the unit that `as_xcom` described."""
        span = TimeWindow(datetime.fromisoformat(told["from"]), datetime.fromisoformat(told["to"]))
        return cls(What(told["what"]), told["kind"], told["source"], tuple(told["symbols"]), span)


@dataclass
class Expected:
    """The bars that the calendar expects; the same for every symbol of a pull, so they are counted out once."""

    calendar: MarketCalendar
    _made: dict[tuple[Resolution, TimeWindow], NDArray[np.datetime64]] = field(default_factory=dict)

    def starts(self, resolution: Resolution, window: TimeWindow) -> NDArray[np.datetime64]:
        """Return the starts of the bars that begin in `window` and end by its end, ascending, UTC."""
        if (known := self._made.get((resolution, window))) is not None:
            return known
        sessions = self.calendar.sessions(window.starts_at.date(), window.ends_at.date())
        spans = expected_windows(sessions, resolution, through=window.ends_at)
        starts = [span.starts_at.replace(tzinfo=None) for span in spans if span.starts_at >= window.starts_at]
        made = self._made[resolution, window] = np.array(starts, dtype="datetime64[us]")
        return made


@dataclass
class Planner:
    """The work of one pull, symbol by symbol, so that memory holds one symbol's history at a time.

    Attributes:
        universe: says what kind of instrument a symbol is; one outside it may be of any.
        is_again: whether a source is also asked again for what it did not have.
        source: the only one that is asked, by its name or its vendor's; None for whoever serves.
        stored_count: pieces that need no asking.
        notes: what no source serves.
    """

    services: Services
    window: TimeWindow
    universe: Universe | None = None
    is_again: bool = False
    source: str | None = None
    stored_count: int = 0
    notes: list[str] = field(default_factory=list)
    _expected: Expected | None = None

    def units(self, symbols: Sequence[Symbol], wanted: Sequence[What]) -> Iterator[Unit]:
        """Yield what is to be asked for. Corporate actions come first: they explain the jumps between bars.

        Raises:
            DataRejected: no source that is switched on has the name that was given.
        """
        if self.source is not None and not any(map(self._is_asked, names := _source_names(self.services.sources))):
            raise DataRejected(f"no source {self.source!r} is switched on; name one of {', '.join(names)}")
        for what in sorted(set(wanted), key=lambda kind: (kind is not What.ACTIONS, kind)):
            if what is What.BARS:
                for symbol in symbols:
                    yield from self._bars(symbol)
            else:
                yield from self._facts(what, [symbol for symbol in symbols if self._has(symbol, what)])

    def _bars(self, symbol: Symbol) -> Iterator[Unit]:
        self._expected = self._expected or Expected(self.services.calendar)
        for resolution in RESOLUTIONS:
            served = self._served(symbol, resolution)
            if served is None:
                self.notes.append(f"no source serves {resolution} bars of {symbol}")
                continue
            source, until = served
            window = TimeWindow(self.window.starts_at, max(min(until, self.window.ends_at), self.window.starts_at))
            lacking = lacking_of(
                self.services, symbol, resolution, window, self._expected, source=source.name, is_again=self.is_again
            ).askable
            for piece in pieces(window, _MONTHS[resolution.value]):
                first, last = (np.datetime64(at.replace(tzinfo=None)) for at in (piece.starts_at, piece.ends_at))
                if ((lacking >= first) & (lacking < last)).any():
                    yield Unit(What.BARS, resolution.value, source.name, (symbol,), piece)
                else:
                    self.stored_count += 1

    def _served(self, symbol: Symbol, resolution: Resolution) -> tuple[BarSource, datetime] | None:
        """Return the first source that may be asked for these bars, and up to when it serves them."""
        for source in self.services.sources.bars:
            until = source.served_until(symbol, resolution, self.window.ends_at)
            if until is not None and self._is_asked(source.name):
                return source, until
        return None

    def _is_asked(self, source: str) -> bool:
        return self.source is None or source == self.source or source.startswith(f"{self.source}_")

    def _facts(self, what: What, symbols: Sequence[Symbol]) -> Iterator[Unit]:
        sources = [each.name for each in _sources_of(self.services.sources, what) if self._is_asked(each.name)]
        if not sources:
            self.notes.append(f"no source serves {what}")
        for source in sources:
            for group in _groups(what, symbols):
                asked = [self._asked(what, symbol, source) for symbol in group or ("",)]
                for piece in pieces(self.window, _MONTHS[what.value]) if what is What.NEWS else [self.window]:
                    left = _uncovered_of_any(piece, asked)
                    if left is None:
                        self.stored_count += 1
                    else:
                        yield Unit(what, what.value, source, group, left)

    def _has(self, symbol: Symbol, what: What) -> bool:
        """Return whether there can be such facts about a symbol: an index pays nothing, and only companies file."""
        kind = next((i.kind for i in self.universe or () if i.symbol == symbol), None)
        return kind in {None, InstrumentKind.STOCK} if what in _OF_COMPANIES else kind is not InstrumentKind.INDEX

    def _asked(self, what: What, symbol: Symbol, source: str) -> Sequence[TimeWindow]:
        if self.is_again:
            return ()
        with self.services.store.transaction() as tx:
            return tx.history.asked(what.value, symbol, source=source)


def left_of(services: Services, unit: Unit) -> Unit | None:
    """Return what of a piece that was planned earlier is still to be asked of its source; None when nothing is."""
    if unit.what is What.BARS:
        (symbol,), resolution = unit.symbols, Resolution(unit.kind)
        expected = Expected(services.calendar)
        lacking = lacking_of(services, symbol, resolution, unit.span, expected, source=unit.source)
        return unit if len(lacking.askable) else None
    with services.store.transaction() as tx:
        asked = [tx.history.asked(unit.kind, symbol, source=unit.source) for symbol in unit.symbols or ("",)]
    left = _uncovered_of_any(unit.span, asked)
    return None if left is None else replace(unit, span=left)


def is_served(services: Services, unit: Unit) -> bool:
    """Return whether the source of a piece may be asked for it now: it is switched on, permitted and in service."""
    if unit.what is not What.BARS:
        return unit.source in {source.name for source in _sources_of(services.sources, unit.what)}
    (symbol,) = unit.symbols
    return any(
        source.served_until(symbol, Resolution(unit.kind), unit.span.ends_at) is not None
        for source in services.sources.bars
        if source.name == unit.source
    )


@dataclass(frozen=True, slots=True)
class Cost:
    """What a plan costs at one vendor, about.

    Attributes:
        minutes: at the pace that its quota allows history; None where no quota is known.
        days: UTC days over which the day's calls spread it; 1 where there is no such limit.
    """

    vendor: str
    call_count: int
    minutes: float | None
    days: int


def costs_of(units: Iterable[Unit], quotas: Mapping[str, Quota]) -> list[Cost]:
    """Return what a plan costs, vendor by vendor."""
    calls = Counter[str]()
    for unit in units:
        calls[vendor_of(unit.source, quotas)] += unit.call_count
    found = []
    for vendor, count in sorted(calls.items()):
        quota = quotas.get(vendor)
        pace = max(quota.window_seconds / quota.per_window, quota.pause_seconds) if quota else None
        days = math.ceil(count / quota.per_day) if quota and quota.per_day else 1
        found.append(Cost(vendor, count, None if pace is None else count * pace / 60, days))
    return found


def vendor_of(source: str, quotas: Mapping[str, Quota]) -> str:
    """Return whose quota a source uses: its own name's, or that of the vendor that its name begins with."""
    return source if source in quotas else next((v for v in quotas if source.startswith(f"{v}_")), source)


@dataclass(frozen=True, slots=True)
class Lacking:
    """The expected bars of a symbol that are not stored.

    Attributes:
        expected_count: bars that the calendar expects.
        missing: starts of those that are not stored, ascending, UTC.
        askable: those of them for which no source has answered that it has none.
    """

    expected_count: int
    missing: NDArray[np.datetime64]
    askable: NDArray[np.datetime64]


def lacking_of(
    services: Services,
    symbol: Symbol,
    resolution: Resolution,
    window: TimeWindow,
    expected: Expected,
    *,
    source: str | None = None,
    is_again: bool = False,
) -> Lacking:
    """Return what the calendar expects of a symbol's bars in a window and the store lacks.

    Args:
        source: whose answers count; None for anybody's.
        is_again: whether earlier answers do not count.
    """
    starts = expected.starts(resolution, window)
    with services.store.transaction() as tx:
        stored = tx.history.bar_starts(symbol, resolution, window)
        asked = () if is_again else tx.history.asked(resolution.value, symbol, source=source)
    missing = starts[~np.isin(starts, stored)]
    is_askable = np.ones(len(missing), dtype=bool)
    for span in asked:
        first, last = (np.datetime64(at.replace(tzinfo=None)) for at in (span.starts_at, span.ends_at))
        is_askable &= (missing < first) | (missing >= last)
    return Lacking(len(starts), missing, missing[is_askable])


def pieces(window: TimeWindow, months: int) -> list[TimeWindow]:
    """Return consecutive pieces of `window`, cut where each `months` of the calendar begin, at midnights UTC.

    A New York session lies within one UTC date.
    """
    first = window.starts_at
    index = (first.year * 12 + first.month - 1) // months
    cuts = [window.starts_at]
    while True:
        index += 1
        year, month = divmod(index * months, 12)
        at = datetime.combine(date(year, month + 1, 1), time(), UTC)
        if at >= window.ends_at:
            break
        cuts.append(at)
    edges = [*cuts, window.ends_at]
    return [TimeWindow(start, end) for start, end in pairwise(edges) if start < end]


def without_days(window: TimeWindow, days: Iterable[date]) -> list[TimeWindow]:
    """Return what is left of `window` when whole UTC days are cut out of it."""
    left, at = [], window.starts_at
    for day in sorted(days):
        midnight = datetime.combine(day, time(), UTC)
        if at < (ends_at := min(midnight, window.ends_at)):
            left.append(TimeWindow(at, ends_at))
        at = max(at, midnight + timedelta(days=1))
    return [*left, TimeWindow(at, window.ends_at)] if at < window.ends_at else left


def window_of(services: Services, first_on: date, last_on: date) -> TimeWindow | None:
    """Return the span of the sessions from `first_on` to `last_on`, not beyond now; None when there is none."""
    now = services.clock.now()
    sessions = [s for s in services.calendar.sessions(first_on, last_on) if s.opens_at < now]
    return TimeWindow(sessions[0].opens_at, min(sessions[-1].closes_at, now)) if sessions else None


def _groups(what: What, symbols: Sequence[Symbol]) -> list[tuple[Symbol, ...]]:
    if what is What.MACRO:
        return [()]
    size = SYMBOLS_AT_ONCE if what is What.ACTIONS else 1
    return [tuple(symbols[i : i + size]) for i in range(0, len(symbols), size)]


def _sources_of(sources: Sources, what: What) -> Sequence[Named]:
    of_kind: dict[What, Sequence[Named]] = {
        What.BARS: sources.bars,
        What.ACTIONS: sources.actions,
        What.NEWS: sources.news,
        What.FILINGS: sources.filings,
        What.EARNINGS: sources.earnings,
        What.MACRO: sources.macro,
    }
    return of_kind[what]


def _source_names(sources: Sources) -> list[str]:
    return sorted({source.name for what in What for source in _sources_of(sources, what)})


def _uncovered_of_any(window: TimeWindow, asked: Iterable[Sequence[TimeWindow]]) -> TimeWindow | None:
    """Return what of `window` some of several symbols still lack; `asked` has the spans of each."""
    left = [span for spans in asked if (span := _uncovered(window, spans)) is not None]
    return min(left, key=lambda span: span.starts_at, default=None)


def _uncovered(window: TimeWindow, asked: Sequence[TimeWindow]) -> TimeWindow | None:
    """Return what of `window` comes after the part that was asked for without a break; None when nothing does."""
    at = window.starts_at
    for span in asked:
        if span.starts_at > at:
            break
        at = max(at, span.ends_at)
    return TimeWindow(at, window.ends_at) if at < window.ends_at else None
