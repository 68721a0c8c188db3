"""A desk with fake sources on a real store, for the tests of quality gates. The market of it is flat at 100 USD."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from trading.adapters.postgres_store.connection import connect
from trading.analysis.quality import expected_windows
from trading.domain.gates import Gate
from trading.domain.instruments import VIX, BookId, BookKind, Universe
from trading.domain.market import Bar, CorporateAction, Resolution, SessionNotice, Slot, TimeWindow
from trading.ports import Services, Sources
from trading.strategy.three_sector import three_sector
from trading.tasks.check_data import check_data
from trading.tasks.ingest import ingest_prices

from tests.fakes import FixedClock, WeekdayCalendar, ny

CALENDAR = WeekdayCalendar()
BOOK = BookId(BookKind.PAPER, "DU1")
SYMBOLS = ("GLD", "NVDA", "MSFT", VIX)
MONDAY = date(2026, 11, 16)

type Spoil = Callable[[Bar], Iterable[Bar]]


def spec_of(*symbols: str):
    full = three_sector()
    return replace(full, universe=Universe(tuple(full.universe[symbol] for symbol in symbols)))


@dataclass
class FlatBars:
    """Half hours and days at 100 USD, the VIX at 15. `spoil` changes what is delivered of a symbol.

    With `days_by_night` a day is served from the next one on, as by a free plan.
    """

    name: str = "flat"
    spoil: dict[str, Spoil] = field(default_factory=dict)
    error: dict[str, Exception] = field(default_factory=dict)
    price: float = 100.0
    days_by_night: bool = False

    def served_until(self, symbol: str, resolution: Resolution, as_of: datetime) -> datetime | None:
        if resolution is Resolution.DAY and self.days_by_night:
            return CALENDAR.sessions(as_of.date() - timedelta(days=7), as_of.date() - timedelta(days=1))[-1].closes_at
        return None if resolution is Resolution.HOUR else as_of

    def bars(self, symbol: str, window: TimeWindow, resolution: Resolution) -> Iterator[Bar]:
        if symbol in self.error:
            raise self.error[symbol]
        change = self.spoil.get(symbol, lambda bar: (bar,))
        sessions = CALENDAR.sessions(window.starts_at.date(), window.ends_at.date())
        for span in expected_windows(sessions, resolution, through=window.ends_at):
            if span.starts_at >= window.starts_at:
                yield from change(self.bar(symbol, resolution, span))

    def bar(self, symbol: str, resolution: Resolution, span: TimeWindow) -> Bar:
        price, volume = (15.0, 0.0) if symbol == VIX else (self.price, 1000.0)
        return Bar(
            symbol, resolution, span.starts_at, span.ends_at, price, price * 1.001, price * 0.999, price, volume,
            self.name, span.ends_at,
        )  # fmt: skip


@dataclass
class Announced:
    """Fixed corporate actions and notices of holidays."""

    actions: tuple[CorporateAction, ...] = ()
    notices: tuple[SessionNotice, ...] = ()
    name: str = "flat"

    def corporate_actions(self, symbols, window) -> Iterator[CorporateAction]:
        return (action for action in self.actions if action.symbol in symbols)

    def upcoming(self) -> Iterator[SessionNotice]:
        return iter(self.notices)


@dataclass
class GateDesk:
    """The store, its sources, and short words."""

    store: object
    bars: FlatBars = field(default_factory=FlatBars)
    announced: Announced = field(default_factory=Announced)
    others: tuple[FlatBars, ...] = ()
    symbols: tuple[str, ...] = SYMBOLS
    has_holidays: bool = False
    url: str = ""

    def messages(self) -> list[tuple[str, str]]:
        """Severity and body of every message, oldest first; needs `url`."""
        with closing(connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT severity, body FROM ops.outbox ORDER BY message_id")
            return cursor.fetchall()

    def services(self, at: datetime) -> Services:
        holidays = (self.announced,) if self.has_holidays else ()
        sources = Sources(bars=(self.bars, *self.others), actions=(self.announced,), holidays=holidays)
        return Services(self.store, CALENDAR, FixedClock(at), sources, broker=None)

    def hour(self, at: str):
        """Ingest the hour that ends then (New York)."""
        slot = slot_at(at)
        return ingest_prices(self.services(slot.as_of), spec_of(*self.symbols), BOOK, slot)

    def night(self, at: str):
        """Check the data two hours after the close that `at` names."""
        slot = slot_at(at)
        return check_data(self.services(slot.as_of + timedelta(hours=2)), spec_of(*self.symbols), BOOK, slot)

    def gates(self, symbol: str) -> set[Gate]:
        return {parking.gate for parking in self.parked().get(symbol, ())}

    def parked(self):
        with self.store.transaction() as tx:
            return tx.market.parked()


def slot_at(at: str) -> Slot:
    slot = CALENDAR.slot_at(ny(at))
    assert slot is not None, f"{at} is no slot"
    return slot


def times(factor: float) -> Spoil:
    """Every price times `factor`."""
    return lambda bar: (scaled(bar, factor),)


def scaled(bar: Bar, factor: float) -> Bar:
    prices = {name: getattr(bar, name) * factor for name in ("open", "high", "low", "close")}
    return replace(bar, **prices)


def at_start(at: str, change: Spoil) -> Spoil:
    """Change the half hour that starts then (New York); leave every other bar."""
    start = ny(at)
    return lambda bar: change(bar) if bar.starts_at == start and bar.resolution is Resolution.HALF_HOUR else (bar,)


def since(at: str, change: Spoil) -> Spoil:
    """Change every bar that starts then or later (New York)."""
    start = ny(at)
    return lambda bar: change(bar) if bar.starts_at >= start else (bar,)
