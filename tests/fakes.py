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
from trading.domain.market import Bar, Quote, Resolution, Session, Slot, session_slots
from trading.domain.orders import DONE, Order, OrderEvent, OrderPurpose, OrderRef, OrderStatus, OrderType, Side
from trading.errors import BrokerRefused, OutcomeUnknown
from trading.execution.costs import CostModel
from trading.gateway import persistence
from trading.gateway.account import AccountTerms
from trading.gateway.broker import PaperBroker
from trading.gateway.control import ControlServer
from trading.gateway.feed import BarFeed, DailyFeed
from trading.gateway.flex_server import FlexServer
from trading.gateway.records import BrokerState
from trading.gateway.server import Gateway
from trading.ports import BrokerIdentity, BrokerOrder, BrokerRole, BrokerSnapshot, ReservedLeg

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

    def __init__(
        self,
        feed: BarFeed,
        at: datetime,
        *,
        cash_usd: int = 100_000,
        state_file: Path | None = None,
        terms: AccountTerms | None = None,
    ) -> None:
        stored = persistence.load(state_file, account=ACCOUNT) if state_file else None
        state = stored or BrokerState(ACCOUNT, Decimal(cash_usd), at)
        self.gateway = Gateway(PaperBroker(state, feed, WeekdayCalendar(), CostModel(), terms), state_file)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10), "the gateway did not start"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        control, flex = ControlServer(self.gateway), FlexServer(self.gateway)
        self.port = self._loop.run_until_complete(self.gateway.listen(0))
        self.control_port = self._loop.run_until_complete(control.listen(0))
        self.flex_port = self._loop.run_until_complete(flex.listen(0))
        self._ready.set()
        self._loop.run_forever()
        flex.close()
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

    def say(self, message: bytes) -> None:
        """Let every client hear raw bytes, also such as no gateway should send."""
        for session in self.gateway.sessions:
            self._loop.call_soon_threadsafe(session.send, message)

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
    """The port `Broker` in memory: entries and market orders fill at once at `prices`, everything else rests.

    Attributes:
        lose_next: what becomes of the next submission: None, "unsent" (never arrives) or "unrecorded" (arrives, the
            caller dies before it hears of it).
        part_filled: shares that fill at once, by symbol; the rest of the order rests.
        refusals: the broker's words for refusing orders in a symbol; they end REJECTED with these words.
        is_silent: submissions arrive, but nothing is acknowledged.
        quoted: quotes by symbol; without one, `prices` makes it.
    """

    at: datetime
    prices: Mapping[Symbol, Decimal] = field(default_factory=dict)
    cash_usd: Decimal = Decimal(100_000)
    settled_cash_usd: Decimal | None = None
    is_simulated: bool = True
    lose_next: str | None = None
    part_filled: Mapping[Symbol, Decimal] = field(default_factory=dict)
    refusals: Mapping[Symbol, str] = field(default_factory=dict)
    is_silent: bool = False
    quoted: Mapping[Symbol, Quote] = field(default_factory=dict)
    role: BrokerRole = BrokerRole.WRITER
    orders: dict[OrderRef, BrokerOrder] = field(default_factory=dict)
    sent: dict[OrderRef, Order] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    positions: dict[Symbol, Decimal] = field(default_factory=dict)
    next_order_id: int = 1

    @contextmanager
    def connect(self, role: BrokerRole = BrokerRole.WRITER) -> Iterator[FakeBroker]:
        """Be one's own gate."""
        before, self.role = self.role, role
        try:
            yield self
        finally:
            self.role = before

    def identity(self) -> BrokerIdentity:
        return BrokerIdentity((ACCOUNT,), self.is_simulated, self.at, 11)

    def snapshot(self, book: BookId) -> BrokerSnapshot:
        held = {s: q for s, q in self.positions.items() if q}
        orders = sorted(self.orders.values(), key=lambda o: o.status in DONE)
        fills = tuple(replace(f, book=book) for f in self.fills)
        return BrokerSnapshot(
            ACCOUNT, tuple(orders), fills, held, self.cash_usd, self.next_order_id, self.at, self.settled_cash_usd,
        )  # fmt: skip

    def submit(self, family: Sequence[ReservedLeg]) -> tuple[OrderEvent, ...]:
        if self.role is not BrokerRole.WRITER:
            raise BrokerRefused(f"the {self.role} places no orders; connect as the writer")
        lost, self.lose_next = self.lose_next, None
        if lost == "unsent":
            raise KeyboardInterrupt("killed before the bytes left")
        for leg in family:
            self._accept(leg)
        if lost == "unrecorded":
            raise KeyboardInterrupt("killed after the bytes left")
        if self.is_silent:
            raise OutcomeUnknown(f"{family[0].order.order_id}: no acknowledgement; the next snapshot decides")
        return tuple(self._event(leg.order.order_id) for leg in family)

    def cancel(self, reserved_ids: Sequence[int]) -> None:
        if self.role not in (BrokerRole.WRITER, BrokerRole.OPERATOR):
            raise BrokerRefused(f"the {self.role} cancels no orders; connect as the writer or the operator")
        for ref, order in self.orders.items():
            if order.api_order_id in reserved_ids and order.status not in DONE:
                self.orders[ref] = replace(order, status=OrderStatus.CANCELLED, detail="Cancelled by Trader")

    def quotes(self, symbols: Sequence[Symbol]) -> dict[Symbol, Quote]:
        return {s: self.quoted.get(s) or self._quote(s) for s in symbols}

    def refusal(self, symbol: Symbol) -> str | None:
        return self.refusals.get(symbol)

    def advance_clock(self, to: datetime) -> None:
        if not self.is_simulated:
            raise BrokerRefused("a real broker keeps its own time")
        self.at = max(self.at, to)

    def fill(self, ref: OrderRef, quantity: Decimal, price: Decimal) -> None:
        """Let a resting order execute `quantity` shares; a complete fill ends the rest of its family's guards."""
        order, theirs = self.sent[ref], self.orders[ref]
        filled = theirs.filled_quantity + quantity
        status = OrderStatus.FILLED if filled >= theirs.quantity else OrderStatus.PARTIALLY_FILLED
        self.orders[ref] = replace(theirs, status=status, filled_quantity=filled)
        self._book(order, quantity, price)
        if status is OrderStatus.FILLED and order.is_protective:
            siblings = [r for r, o in self.sent.items() if o.parent_id == order.parent_id and r != ref]
            for sibling in siblings:
                if self.orders[sibling].status not in DONE:
                    self.orders[sibling] = replace(self.orders[sibling], status=OrderStatus.CANCELLED)

    def _quote(self, symbol: Symbol) -> Quote:
        price = self.prices.get(symbol)
        is_known = price is not None
        return Quote(
            symbol, price, price, price, self.at if is_known else None, is_delayed=False,
            is_halted=False if is_known else None,
        )  # fmt: skip

    def _event(self, ref: OrderRef) -> OrderEvent:
        """It exists, or was never created; how it ends is told by snapshots."""
        order = self.orders[ref]
        if order.status is OrderStatus.REJECTED:
            return OrderEvent(ref, OrderStatus.REJECTED, self.at, detail=order.detail)
        return OrderEvent(ref, OrderStatus.SUBMITTED, self.at, order.perm_id)

    def _accept(self, leg: ReservedLeg) -> None:
        order, known = leg.order, self.orders.get(leg.order.order_id)
        if known is not None and known.api_order_id != leg.reserved_id:
            raise AssertionError(f"{order.order_id} was sent twice under two ids")
        self.next_order_id = max(self.next_order_id, leg.reserved_id + 1)
        self.sent[order.order_id] = order
        if known is not None:
            if known.status not in DONE:
                self.orders[order.order_id] = replace(known, quantity=order.quantity)
            return
        words = self.refusals.get(order.symbol)
        self.orders[order.order_id] = BrokerOrder(
            order.order_id, leg.reserved_id, 1000 + leg.reserved_id, order.symbol,
            OrderStatus.SUBMITTED if words is None else OrderStatus.REJECTED, order.quantity, Decimal(0), order.side,
            client_id=11, detail=words,
        )  # fmt: skip
        fills_now = order.order_type is OrderType.MARKET or order.purpose is OrderPurpose.ENTRY
        if words is None and fills_now and order.symbol in self.prices:
            quantity = min(order.quantity, self.part_filled.get(order.symbol, order.quantity))
            self.fill(order.order_id, quantity, self.prices[order.symbol])

    def _book(self, order: Order, quantity: Decimal, price: Decimal) -> None:
        sign = 1 if order.side is Side.BUY else -1
        self.positions[order.symbol] = self.positions.get(order.symbol, Decimal(0)) + sign * quantity
        self.cash_usd -= sign * quantity * price + 1
        fill_id = f"x{self.orders[order.order_id].api_order_id}.{len(self.fills) + 1}"
        self.fills.append(
            Fill(
                fill_id, order.order_id, order.book, order.symbol, order.side, quantity, price, Decimal(1), self.at,
            )
        )  # fmt: skip
