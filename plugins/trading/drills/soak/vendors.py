"""Sources that fail: each wraps one of the market's and spoils what it says while a fault is on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from trading.domain.instruments import VIX, Symbol
from trading.domain.market import Bar, CorporateAction, Filing, MacroPoint, NewsItem, Resolution, TimeWindow
from trading.drills.soak.plan import Fault
from trading.errors import DataRejected, UnknownSymbol, VendorRateLimited, VendorRefused, VendorUnavailable
from trading.ports import Sources

VENDOR = "soak"
SHORT_PAUSE, LONG_PAUSE = 30.0, 3600.0
STALE_AFTER = timedelta(hours=4)
AHEAD = timedelta(hours=2)

type Rows = list[Any]


class Weather:
    """Which fault is on. One object for every source of a desk."""

    def __init__(self, symbols: Sequence[Symbol]) -> None:
        self._symbols = symbols
        self.faults: list[Fault] = []

    def asked(self) -> None:
        """Answer a question as the faults say that come before any data."""
        for fault in self.faults:
            if (refuse := REFUSALS.get(fault.name)) is not None:
                raise refuse()

    def victim(self, fault: Fault) -> Symbol:
        """Return the symbol that a fault of one symbol strikes."""
        return self._symbols[fault.number % len(self._symbols)]

    def spoilt(self, rows: Rows) -> Iterator[Any]:
        """Yield the rows of a whole answer as the faults leave them."""
        for fault in self.faults:
            rows = ORDERS[fault.name](rows) if fault.name in ORDERS else rows
        yield from rows
        if any(fault.name == "an answer that breaks off" for fault in self.faults):
            raise VendorUnavailable("the vendor's answer broke off; it is retried", vendor=VENDOR)

    def is_on(self, name: str) -> bool:
        """Whether a fault of that name is on."""
        return any(fault.name == name for fault in self.faults)

    def strikes(self, name: str, symbol: Symbol) -> bool:
        """Whether a fault of that name strikes a symbol."""
        return any(fault.name == name and self.victim(fault) == symbol for fault in self.faults)


REFUSALS: Mapping[str, Callable[[], Exception]] = {
    "a short pause is asked for": lambda: VendorRateLimited(
        "429: asked to wait half a minute", vendor=VENDOR, retry_after_seconds=SHORT_PAUSE
    ),
    "a pause of an hour is asked for": lambda: VendorRateLimited(
        "429: asked to wait an hour", vendor=VENDOR, retry_after_seconds=LONG_PAUSE
    ),
    "no answer": lambda: VendorUnavailable("503: no answer; it is retried", vendor=VENDOR, status=503),
    "no data but a page": lambda: DataRejected("200 with a web page; look at the vendor's status page"),
    "the key is refused": lambda: VendorRefused("401: the key is refused; correct it", vendor=VENDOR, status=401),
}
ORDERS: Mapping[str, Callable[[Rows], Rows]] = {
    "everything twice": lambda rows: rows + rows,
    "out of order": lambda rows: rows[::-1],
    "the newest is late": lambda rows: rows[:-1],
    "an answer that breaks off": lambda rows: rows[: len(rows) // 2],
}


class UnreliableSource:
    """Every kind of source in one; each method asks the market and spoils its answer."""

    def __init__(self, source: Any, weather: Weather) -> None:
        self.name: str = source.name
        self._source, self._weather = source, weather

    def served_until(self, symbol: Symbol, resolution: Resolution, as_of: datetime) -> datetime | None:
        """Return what the market says: what is missing is seen in the bars."""
        until: datetime | None = self._source.served_until(symbol, resolution, as_of)
        return until

    def bars(self, symbol: Symbol, window: TimeWindow, resolution: Resolution) -> Iterator[Bar]:
        """Return the bars of `symbol` as the faults leave them."""
        weather = self._weather
        weather.asked()
        if weather.strikes("one symbol is unknown", symbol):
            raise UnknownSymbol(f"404: {symbol}", vendor=VENDOR, status=404)
        if (weather.is_on("no VIX") and symbol == VIX) or weather.strikes("one symbol is empty", symbol):
            return iter(())
        late = AHEAD if weather.is_on("rows of the future") else timedelta()
        rows = list(self._source.bars(symbol, TimeWindow(window.starts_at, window.ends_at + late), resolution))
        if weather.is_on("nothing new for hours"):
            rows = [bar for bar in rows if bar.ends_at <= window.ends_at - STALE_AFTER]
        for name, spoil in SPOILT.items():
            if rows and weather.strikes(name, symbol):
                rows[-1] = spoil(rows[-1])
        return weather.spoilt(rows)

    def news(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[NewsItem]:
        """Return headlines as the faults leave them."""
        self._weather.asked()
        ends_at = window.ends_at
        if self._weather.is_on("rows of the future"):
            ends_at += AHEAD
        elif self._weather.is_on("nothing new for hours"):
            ends_at = max(window.starts_at, ends_at - STALE_AFTER)
        return self._weather.spoilt(list(self._source.news(symbols, TimeWindow(window.starts_at, ends_at))))

    def filings(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[Filing]:
        """Return filings as the faults leave them."""
        self._weather.asked()
        if any(self._weather.strikes("one symbol is unknown", symbol) for symbol in symbols):
            raise UnknownSymbol(f"404: {symbols[0]}", vendor=VENDOR, status=404)
        return self._weather.spoilt(list(self._source.filings(symbols, window)))

    def macro(self, window: TimeWindow) -> Iterator[MacroPoint]:
        """Return monthly values as the faults leave them."""
        self._weather.asked()
        return self._weather.spoilt(list(self._source.macro(window)))

    def corporate_actions(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[CorporateAction]:
        """Return splits and dividends as the faults leave them."""
        self._weather.asked()
        return self._weather.spoilt(list(self._source.corporate_actions(symbols, window)))


SPOILT: Mapping[str, Callable[[Bar], Bar]] = {
    "prices that are no numbers": lambda bar: replace(bar, close=math.nan),
    "prices that cannot be": lambda bar: replace(bar, high=bar.low / 2),
}


def unreliable(sources: Sources, weather: Weather) -> Sources:
    """Return the same sources, all of them under one weather."""
    bars, news = (UnreliableSource(sources.bars[0], weather),), (UnreliableSource(sources.news[0], weather),)
    facts = (UnreliableSource(sources.filings[0], weather),)
    return replace(sources, bars=bars, news=news, filings=facts, macro=facts, actions=facts)
