"""Fakes that implement real ports, and the real paper gateway on a thread. No mock library."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from trading.adapters.ibkr.control import ask
from trading.domain.fills import Fill
from trading.domain.instruments import BookId, Symbol
from trading.domain.market import Bar, Resolution, Session, Slot, session_slots
from trading.domain.orders import DONE, OrderEvent, OrderPurpose, OrderRef, OrderStatus, OrderType
from trading.errors import BrokerRefused
from trading.execution.costs import CostModel
from trading.gateway import persistence
from trading.gateway.broker import PaperBroker
from trading.gateway.control import ControlServer
from trading.gateway.feed import BarFeed, DailyFeed
from trading.gateway.records import BrokerState
from trading.gateway.server import Gateway
from trading.ports import BrokerIdentity, BrokerOrder, BrokerRole, BrokerSnapshot, Quote, ReservedLeg

NEW_YORK = ZoneInfo("America/New_York")
ACCOUNT = "DU0000001"


def ny(text: str) -> datetime:
    """Return the UTC instant of a New York wall clock time, e.g. "2019-06-03 10:30"."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


@dataclass
class FixedClock:
    """A clock that a test sets."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True)
class WeekdayCalendar:
    """09:30–16:00 New York on weekdays, except `holidays`; `half_days` close at 13:00."""

    holidays: frozenset[date] = frozenset()
    half_days: frozenset[date] = frozenset()

    def session(self, on: date) -> Session | None:
        if on.weekday() > 4 or on in self.holidays:
            return None
        close = time(13) if on in self.half_days else time(16)
        opens, closes = (datetime.combine(on, t, NEW_YORK).astimezone(UTC) for t in (time(9, 30), close))
        return Session(on, opens, closes)

    def sessions(self, first_on: date, last_on: date) -> tuple[Session, ...]:
        days = (first_on + timedelta(days=n) for n in range((last_on - first_on).days + 1))
        return tuple(s for s in map(self.session, days) if s is not None)

    def next_session(self, after: date) -> Session:
        return next(s for n in range(1, 15) if (s := self.session(after + timedelta(days=n))))

    def latest_slot(self, at: datetime) -> Slot:
        sessions = self.sessions(at.date() - timedelta(days=15), at.date())
        return max((s for day in sessions for s in session_slots(day) if s.as_of <= at), key=lambda s: s.as_of)

    def slot_at(self, as_of: datetime) -> Slot | None:
        session = self.session(as_of.date())
        return next((s for s in session_slots(session) if s.as_of == as_of), None) if session else None


def half_hours(symbol: Symbol, first_at: datetime, ohlc: Sequence[tuple[float, float, float, float]]) -> list[Bar]:
    """Return consecutive 30-minute bars from `first_at`."""
    step = timedelta(minutes=30)
    return [
        Bar(
            symbol, Resolution.HALF_HOUR, first_at + n * step, first_at + (n + 1) * step,
            *prices, 1000.0, "test", first_at + (n + 1) * step,
        )
        for n, prices in enumerate(ohlc)
    ]  # fmt: skip


def flat_bars(symbol: Symbol, first_on: date, days: int, price: float = 100.0) -> list[Bar]:
    """Return 13 half hours a weekday at one price."""
    bars: list[Bar] = []
    for session in WeekdayCalendar().sessions(first_on, first_on + timedelta(days=days - 1)):
        bars += half_hours(symbol, session.opens_at, [(price, price, price, price)] * 13)
    return bars


def with_prices(bars: Sequence[Bar], at: datetime, ohlc: tuple[float, float, float, float]) -> list[Bar]:
    """Return `bars` with the bar that starts at `at` replaced."""
    opened, high, low, close = ohlc
    return [replace(b, open=opened, high=high, low=low, close=close) if b.starts_at == at else b for b in bars]


class RunningGateway:
    """The real gateway on a thread of its own, on free loopback ports."""

    def __init__(self, feed: BarFeed, at: datetime, *, cash_usd: int = 100_000, state_file: Path | None = None) -> None:
        stored = persistence.load(state_file, account=ACCOUNT) if state_file else None
        state = stored or BrokerState(ACCOUNT, Decimal(cash_usd), at)
        self.gateway = Gateway(PaperBroker(state, feed, WeekdayCalendar(), CostModel()), state_file)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10), "the gateway did not start"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        control = ControlServer(self.gateway)
        self.port = self._loop.run_until_complete(self.gateway.listen(0))
        self.control_port = self._loop.run_until_complete(control.listen(0))
        self._ready.set()
        self._loop.run_forever()
        control.close()
        self.gateway.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def tell(self, cmd: str, **arguments: object) -> dict:
        """Send a control command."""
        return ask("127.0.0.1", self.control_port, {"cmd": cmd, **arguments}, timeout_seconds=10)

    def orders(self) -> list[dict]:
        """Return every order the broker ever created: the oracle of "never twice"."""
        return self.tell("state")["state"]["orders"]

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


def memory_feed(bars: Iterable[Bar]) -> DailyFeed:
    """Return a feed over `bars` of one resolution per symbol and day."""
    days: dict[tuple[Symbol, date], list[Bar]] = {}
    for bar in sorted(bars, key=lambda b: b.starts_at):
        days.setdefault((bar.symbol, bar.starts_at.date()), []).append(bar)
    return DailyFeed({symbol for symbol, _ in days}, lambda symbol, on: days.get((symbol, on), []))


@contextmanager
def running_gateway(feed: BarFeed, at: datetime, **options) -> Iterator[RunningGateway]:
    """Run a gateway for the length of a `with` block."""
    gateway = RunningGateway(feed, at, **options)
    try:
        yield gateway
    finally:
        gateway.stop()


@dataclass
class FakeBroker:
    """The port `Broker` in memory: market orders fill at once at `prices`, everything else rests.

    Attributes:
        lose_next: what becomes of the next submission: None, "unsent" (never arrives) or "unrecorded" (arrives, the
            caller dies before it hears of it).
    """

    at: datetime
    prices: Mapping[Symbol, Decimal] = field(default_factory=dict)
    cash_usd: Decimal = Decimal(100_000)
    is_simulated: bool = True
    lose_next: str | None = None
    orders: dict[OrderRef, BrokerOrder] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    positions: dict[Symbol, Decimal] = field(default_factory=dict)
    next_order_id: int = 1

    @contextmanager
    def connect(self, role: BrokerRole = BrokerRole.WRITER) -> Iterator[FakeBroker]:
        """Be one's own gate."""
        yield self

    def identity(self) -> BrokerIdentity:
        return BrokerIdentity((ACCOUNT,), self.is_simulated, self.at, 11)

    def snapshot(self, book: BookId) -> BrokerSnapshot:
        held = {s: q for s, q in self.positions.items() if q}
        orders = sorted(self.orders.values(), key=lambda o: o.status in DONE)
        fills = tuple(replace(f, book=book) for f in self.fills)
        return BrokerSnapshot(ACCOUNT, tuple(orders), fills, held, self.cash_usd, self.next_order_id, self.at)

    def submit(self, family: Sequence[ReservedLeg]) -> tuple[OrderEvent, ...]:
        lost, self.lose_next = self.lose_next, None
        if lost == "unsent":
            raise KeyboardInterrupt("killed before the bytes left")
        for leg in family:
            self._accept(leg)
        if lost == "unrecorded":
            raise KeyboardInterrupt("killed after the bytes left")
        return tuple(self._event(leg.order.order_id) for leg in family)

    def cancel(self, reserved_ids: Sequence[int]) -> None:
        for ref, order in self.orders.items():
            if order.api_order_id in reserved_ids and order.status not in DONE:
                self.orders[ref] = replace(order, status=OrderStatus.CANCELLED)

    def quotes(self, symbols: Sequence[Symbol]) -> dict[Symbol, Quote]:
        return {
            s: Quote(s, p, p, p, self.at, is_delayed=False, is_halted=False)
            for s in symbols
            if (p := self.prices.get(s))
        }

    def advance_clock(self, to: datetime) -> None:
        if not self.is_simulated:
            raise BrokerRefused("a real broker keeps its own time")
        self.at = max(self.at, to)

    def _event(self, ref: OrderRef) -> OrderEvent:
        order = self.orders[ref]
        return OrderEvent(ref, order.status, self.at, order.perm_id, order.filled_quantity)

    def _accept(self, leg: ReservedLeg) -> None:
        order = leg.order
        if order.order_id in self.orders and self.orders[order.order_id].api_order_id != leg.reserved_id:
            raise AssertionError(f"{order.order_id} was sent twice under two ids")
        self.next_order_id = max(self.next_order_id, leg.reserved_id + 1)
        fills_now = order.order_type is OrderType.MARKET or order.purpose is OrderPurpose.ENTRY
        done = fills_now and order.symbol in self.prices
        self.orders[order.order_id] = BrokerOrder(
            order.order_id, leg.reserved_id, 1000 + leg.reserved_id, order.symbol,
            OrderStatus.FILLED if done else OrderStatus.SUBMITTED, order.quantity,
            order.quantity if done else Decimal(0), order.side, client_id=11,
        )  # fmt: skip
        if done:
            self._execute(leg)

    def _execute(self, leg: ReservedLeg) -> None:
        order, price = leg.order, self.prices[leg.order.symbol]
        sign = 1 if order.side == "BUY" else -1
        self.positions[order.symbol] = self.positions.get(order.symbol, Decimal(0)) + sign * order.quantity
        self.cash_usd -= sign * order.quantity * price + 1
        self.fills.append(
            Fill(
                f"x{leg.reserved_id}", order.order_id, order.book, order.symbol, order.side, order.quantity, price,
                Decimal(1), self.at,
            )
        )  # fmt: skip
