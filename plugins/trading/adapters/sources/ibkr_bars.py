"""The broker's historical bars: half hours and days of stocks, the VIX as it is now, and spot metals.

IB works splits into its history as of the day on which it is asked. What is stored is raw: each bar is moved back to
the share basis of its own day by the splits that we know. Where nobody tells us of splits the hourly run is served the
current session only, which needs none, and history is refused. The basis of a delivery is the New York date of its
`fetched_at`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from trading.adapters.ibkr.history import DELAY, NAME, HistoryConnection, HistoryLine, HistoryRequest
from trading.analysis.adjustment import unadjusted
from trading.analysis.quality import expected_windows
from trading.domain.instruments import GOLD, SILVER, VIX, Symbol
from trading.domain.market import ActionKind, Bar, CorporateAction, Resolution, Session, TimeWindow
from trading.errors import DataRejected, NotEntitled, UnknownSymbol, VendorError
from trading.ports import ActionSource, Clock, MarketCalendar

NEW_YORK = ZoneInfo("America/New_York")
SIZES = {Resolution.HALF_HOUR: "30 mins", Resolution.DAY: "1 day"}
CHUNK = {Resolution.HALF_HOUR: timedelta(days=28), Resolution.DAY: timedelta(days=360)}
LONGEST = {Resolution.HALF_HOUR: "1 M", Resolution.DAY: "1 Y"}
"""IB answers half hours for up to a month at a time, days for up to a year."""
FEW_DAYS = 10
RECENT = timedelta(days=7)
"""Splits of so short a time were stored by the last ingests; older history needs them to be asked for."""
INDEX_RUNS_ON = timedelta(minutes=15)
"""How long after the stocks' close the VIX is still computed: its day is not over before."""
LONGEST_BREAK = timedelta(days=14)
STOCKS, INDICES, METALS = "bars of stocks", "bars of indices", "bars of spot metals"
"""What the account must be permitted for; each switches off alone."""

type StoredActions = Callable[[Symbol], Sequence[CorporateAction]]
"""A symbol's stored splits and dividends that are known now."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SplitKnowledge:
    """What we know of splits, and how far back that may be trusted.

    Attributes:
        sources: asked for the splits of long windows; without any, what is stored of a symbol is taken for whole.
    """

    stored: StoredActions
    sources: Sequence[ActionSource]
    clock: Clock
    _asked: dict[Symbol, tuple[datetime, frozenset[CorporateAction]]] = field(default_factory=dict)

    def within(self, symbol: Symbol, window: TimeWindow) -> list[CorporateAction] | None:
        """Return the splits that `window` may hold, or None where nobody would have told us."""
        stored = set(self.stored(symbol))
        now = self.clock.now()
        if self.sources and window.starts_at < now - RECENT:
            stored |= self._told_since(symbol, window.starts_at, now)
        elif not stored and not self.sources:
            return None
        by_day = {action.ex_on: action for action in stored if action.kind is ActionKind.SPLIT}
        return [by_day[on] for on in sorted(by_day)]

    def _told_since(self, symbol: Symbol, since: datetime, now: datetime) -> frozenset[CorporateAction]:
        """Return what the sources say, each asked once a task about the longest window first.

        Raises:
            UnknownSymbol: one of them does not answer; that is no failure of the broker.
        """
        known = self._asked.get(symbol)
        if known is None or known[0] > since:
            window = TimeWindow(since, now)
            try:
                told = frozenset(a for source in self.sources for a in source.corporate_actions([symbol], window))
            except VendorError as error:
                # Not the broker's failure: it goes on serving the symbols whose splits are known.
                raise UnknownSymbol(
                    f"{NAME}: no bars of {symbol} since {since:%Y-%m-%d}, because its splits are not known ({error}); "
                    "the next hour asks again", vendor=NAME,
                ) from error  # fmt: skip
            known = self._asked[symbol] = (since, told)
        return known[1]


class IbkrBars:
    """`BarSource` on a broker of one's own.

    Args:
        is_history: whoever asks remembers what is absent, so a window is served whole or refused.
    """

    name = NAME

    def __init__(
        self, line: HistoryLine, calendar: MarketCalendar, splits: SplitKnowledge, *, is_history: bool = False
    ) -> None:
        self._line, self._calendar, self._splits, self._is_history = line, calendar, splits, is_history

    def served_until(self, symbol: Symbol, resolution: Resolution, as_of: datetime) -> datetime | None:
        """Return `as_of` for half hours, and the newest close for days.

        None for hours, and while the account lacks the permission or the gateway is left alone after outages.
        """
        if resolution not in SIZES or (symbol in (GOLD, SILVER) and resolution is Resolution.DAY):
            return None
        calls = self._line.calls
        resumes_at = calls.usage(NAME).resumes_at
        is_left_alone = resumes_at is not None and resumes_at > self._splits.clock.now()
        if is_left_alone or calls.off_reason(NAME, _capability(symbol)) is not None:
            return None
        if resolution is Resolution.HALF_HOUR:
            return as_of
        return self._newest_close(as_of - _runs_on(symbol, resolution))

    def bars(self, symbol: Symbol, window: TimeWindow, resolution: Resolution) -> Iterator[Bar]:
        """Return the session bars that start in `window` and ended by its end, ascending.

        Without any knowledge of a stock's splits: those of the last session in the window.

        Raises:
            DataRejected: history of a stock of whose splits nobody tells us.
        """
        if (reason := self._line.calls.off_reason(NAME, _capability(symbol))) is not None:
            raise NotEntitled(f"{NAME}: off for today ({reason}); use another source", vendor=NAME)
        known = self._splits.within(symbol, window) if _capability(symbol) == STOCKS else ()
        splits = known or ()
        if known is None:
            window = self._last_session(symbol, window)
        with self._line.connection() as connection:
            for chunk in _chunks(window, CHUNK[resolution]):
                if grid := self._grid(chunk, resolution):
                    yield from self._chunk(connection, _request(symbol, chunk, resolution), resolution, grid, splits)

    def _chunk(
        self,
        connection: HistoryConnection,
        request: HistoryRequest,
        resolution: Resolution,
        grid: dict[object, TimeWindow],
        splits: Sequence[CorporateAction],
    ) -> list[Bar]:
        found = connection.ask(request)
        delay = _runs_on(request.symbol, resolution) + (DELAY if found.is_delayed else timedelta(0))
        basis_on = found.asked_at.astimezone(NEW_YORK).date()
        placed = ((grid.get(_key(row.date)), row) for row in found.bars)
        return [
            _bar(request.symbol, resolution, span, row, factor=_factor(span, splits, basis_on), delay=delay)
            for span, row in placed
            # The broker shows the bar that still runs, and a delayed one runs a quarter of an hour longer.
            if span is not None and span.ends_at + delay <= found.asked_at
        ]

    def _grid(self, window: TimeWindow, resolution: Resolution) -> dict[object, TimeWindow]:
        """Return the span of each bar by what the broker dates it with: its start, or its day."""
        sessions = self._calendar.sessions(window.starts_at.date(), window.ends_at.date())
        spans = expected_windows(sessions, resolution, through=window.ends_at)
        wanted = [span for span in spans if span.starts_at >= window.starts_at]
        if resolution is Resolution.DAY:
            return {span.starts_at.astimezone(NEW_YORK).date(): span for span in wanted}
        return {span.starts_at: span for span in wanted}

    def _sessions_by(self, at: datetime) -> tuple[Session, ...]:
        return self._calendar.sessions((at - LONGEST_BREAK).date(), at.date())

    def _newest_close(self, as_of: datetime) -> datetime | None:
        closes = [s.closes_at for s in self._sessions_by(as_of) if s.closes_at <= as_of]
        return closes[-1] if closes else None

    def _last_session(self, symbol: Symbol, window: TimeWindow) -> TimeWindow:
        """Return the part of `window` in the session that is on, or in none if it is over."""
        opens = [s.opens_at for s in self._sessions_by(window.ends_at) if s.opens_at < window.ends_at]
        starts_at = max(window.starts_at, opens[-1]) if opens else window.ends_at
        if window.starts_at < starts_at and self._is_history:
            raise DataRejected(
                f"{NAME}: nobody tells of the splits of {symbol}, so its bars before {starts_at:%Y-%m-%d} are on an "
                "unknown share basis; set POLYGON_API_KEY or import its splits, and load it again"
            )
        if window.starts_at < starts_at:
            log.warning(
                "%s: bars of %s before %s are left out, because nobody tells of its splits; set POLYGON_API_KEY or "
                "import splits", NAME, symbol, f"{starts_at:%Y-%m-%d}",
            )  # fmt: skip
        return TimeWindow(starts_at, window.ends_at)


def _capability(symbol: Symbol) -> str:
    return INDICES if symbol == VIX else METALS if symbol in (GOLD, SILVER) else STOCKS


def _runs_on(symbol: Symbol, resolution: Resolution) -> timedelta:
    return INDEX_RUNS_ON if symbol == VIX and resolution is Resolution.DAY else timedelta(0)


def _request(symbol: Symbol, window: TimeWindow, resolution: Resolution) -> HistoryRequest:
    days = (window.ends_at.date() - window.starts_at.date()).days + 1
    kind, exchange, what = {
        STOCKS: ("STK", "SMART", "TRADES"),
        INDICES: ("IND", "CBOE", "TRADES"),
        METALS: ("CMDTY", "SMART", "MIDPOINT"),
    }[_capability(symbol)]
    return HistoryRequest(
        symbol, kind, exchange, what, window.ends_at,
        duration=f"{days} D" if days <= FEW_DAYS else LONGEST[resolution],
        size=SIZES[resolution],
        capability=_capability(symbol),
    )  # fmt: skip


def _chunks(window: TimeWindow, length: timedelta) -> Iterator[TimeWindow]:
    """Yield the pieces of a window, cut at midnights UTC: a New York session lies within one UTC date."""
    start = window.starts_at
    while start < window.ends_at:
        midnight = datetime.combine(start.date() + length, time(), UTC)
        yield TimeWindow(start, min(midnight, window.ends_at))
        start = midnight


def _key(told: object) -> object:
    """Return the instant or the day that the library read from a bar."""
    return told.astimezone(UTC) if isinstance(told, datetime) else told


def _factor(span: TimeWindow, splits: Sequence[CorporateAction], basis_on: date) -> float:
    """Return what a price on the basis of `basis_on` is multiplied by to be as traded in `span`."""
    if not splits:
        return 1.0
    day = np.array([span.starts_at.astimezone(NEW_YORK).date()], dtype="datetime64[D]")
    return float(unadjusted(np.ones(1), day, splits, basis_on=basis_on)[0])


def _bar(symbol: Symbol, resolution: Resolution, span: TimeWindow, row: Any, *, factor: float, delay: timedelta) -> Bar:
    opened, high, low, close = (_number(value) for value in (row.open, row.high, row.low, row.close))
    volume = _number(row.volume) if _capability(symbol) == STOCKS else 0.0
    if factor != 1.0:
        opened, high, low, close = (round(price * factor, 4) for price in (opened, high, low, close))
        volume /= factor
    return Bar(
        symbol, resolution, span.starts_at, span.ends_at, opened, high, low, close, volume, NAME, span.ends_at + delay
    )


def _number(value: object) -> float:
    """Return what is absent or no number as NaN: the quality walls refuse and keep the bar."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number and value != -1 else math.nan  # type: ignore[arg-type]
