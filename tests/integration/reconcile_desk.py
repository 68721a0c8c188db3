"""A paper book that bought ten GLD and guards them, a broker that agrees, and short words for both."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from trading.accounting.lots import book_fill
from trading.adapters.postgres_store.connection import connect
from trading.domain.decisions import Decision, DecisionKind
from trading.domain.fills import Fill
from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.domain.orders import Order, OrderEvent, OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.domain.portfolio import TradingState
from trading.domain.signals import Targets
from trading.ports import BrokerOrder, Services, Sources
from trading.strategy.catalogue import spec_named

from tests.fakes import FakeBroker, FixedClock, WeekdayCalendar

BOOK = BookId.parse("paper:DU0000001")
AS_OF = datetime(2019, 6, 3, 14, 30, tzinfo=UTC)
CLOSE = datetime(2019, 6, 3, 20, 0, tzinfo=UTC)
NIGHT = datetime(2019, 6, 3, 21, 30, tzinfo=UTC)
SLOT = Slot(date(2019, 6, 3), datetime(2019, 6, 3, 19, 30, tzinfo=UTC), CLOSE, is_closing=True)
HOUR = Slot(date(2019, 6, 3), datetime(2019, 6, 3, 13, 30, tzinfo=UTC), AS_OF, is_closing=False)
SPEC = spec_named("three_sector")
FILL = Fill("x1", "entry", BOOK, "GLD", Side.BUY, Decimal(10), Decimal(120), Decimal(1), AS_OF)


def an_order(order_id: str, purpose: OrderPurpose) -> Order:
    side = Side.BUY if purpose is OrderPurpose.ENTRY else Side.SELL
    return Order(
        order_id, BOOK, "d", "GLD", side, Decimal(10), OrderType.MARKET, TimeInForce.GTC, purpose, AS_OF
    )  # fmt: skip


ENTRY, STOP = an_order("entry", OrderPurpose.ENTRY), an_order("stop", OrderPurpose.STOP)
TARGET = an_order("target", OrderPurpose.TARGET)
GUARDS = ("stop", "target")


def sound_broker() -> FakeBroker:
    """A broker that holds what the book holds, with the stop working."""
    broker = FakeBroker(NIGHT, cash_usd=Decimal(98_799), positions={"GLD": Decimal(10)}, fills=[FILL])
    broker.orders["entry"] = BrokerOrder(
        "entry", 1, 1001, "GLD", OrderStatus.FILLED, Decimal(10), Decimal(10), Side.BUY
    )
    for number, ref in enumerate(GUARDS, start=2):
        broker.orders[ref] = BrokerOrder(
            ref, number, 1000 + number, "GLD", OrderStatus.SUBMITTED, Decimal(10), Decimal(0), Side.SELL
        )
    return broker


def open_desk(store, broker: FakeBroker) -> Services:
    """Open the book, book its ten GLD, and return the services on `broker`."""
    decision = Decision(
        "d", BOOK, DecisionKind.HOURLY, AS_OF, AS_OF, AS_OF.date(), False, "three_sector", "s", "c", "h", 100_000.0
    )
    opened_at = AS_OF - timedelta(days=3)
    with store.transaction() as tx:
        tx.ledger.open_book(BOOK, strategy="s", spec_hash="h", opened_at=opened_at, cash_usd=Decimal(100_000))
        tx.decisions.add(decision, [], Targets(AS_OF, 100_000.0, {"GLD": 0.1}), [ENTRY, STOP, TARGET])
        sent = ((ENTRY, OrderStatus.FILLED), (STOP, OrderStatus.SUBMITTED), (TARGET, OrderStatus.SUBMITTED))
        for number, (order, status) in enumerate(sent, start=1001):
            reserved = tx.orders.record(order, OrderEvent(order.order_id, OrderStatus.RESERVED, AS_OF))
            done = Decimal(10) if status is OrderStatus.FILLED else None
            tx.orders.record(reserved, OrderEvent(order.order_id, status, AS_OF, number, filled_quantity=done))
        tx.ledger.add_booking(book_fill(FILL, ()))
    return Services(store, WeekdayCalendar(), FixedClock(NIGHT), Sources(), broker)


def a_stranger(broker: FakeBroker, symbol: str, shares: int, price: str, *, fill_id: str = "hand1") -> Fill:
    """Let somebody trade by hand in the same account; negative `shares` are a sale. The commission is 1 USD."""
    side = Side.BUY if shares > 0 else Side.SELL
    fill = Fill(fill_id, None, BOOK, symbol, side, Decimal(abs(shares)), Decimal(price), Decimal(1), AS_OF)
    broker.fills.append(fill)
    broker.positions[symbol] = broker.positions.get(symbol, Decimal(0)) + shares
    broker.cash_usd -= shares * Decimal(price) + 1
    return fill


def answers(database_url: str):
    """Return a function that runs a query on the test's database."""

    def rows(query: str):
        with closing(connect(database_url)) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return [tuple(row) for row in cursor.fetchall()]

    return rows


def state_of(desk: Services) -> TradingState:
    with desk.store.transaction() as tx:
        return tx.controls.trading_state(BOOK)


def end_guards(broker: FakeBroker, *, filled: str | None = None) -> None:
    """Let the protection end at the broker, as siblings do: one leg may have filled, the others are cancelled."""
    for ref in GUARDS:
        leg = broker.orders[ref]
        done = (OrderStatus.FILLED, leg.quantity) if ref == filled else (OrderStatus.CANCELLED, Decimal(0))
        broker.orders[ref] = replace(leg, status=done[0], filled_quantity=done[1])
