"""The nightly proof on a real database: what is stored, who is told, and when trading stops."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from trading.accounting.lots import book_fill
from trading.adapters.postgres_store.connection import connect
from trading.domain.decisions import Decision, DecisionKind
from trading.domain.fills import Fill
from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.domain.orders import Order, OrderEvent, OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.domain.portfolio import TradingState
from trading.domain.signals import Targets
from trading.errors import ConfigurationError
from trading.ports import BrokerOrder, Services, Sources
from trading.strategy.catalogue import spec_named
from trading.tasks.desk import report
from trading.tasks.reconcile import reconcile

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
        order_id, BOOK, "d", "GLD", side, Decimal(10), OrderType.MARKET, TimeInForce.DAY, purpose, AS_OF
    )  # fmt: skip


ENTRY, STOP = an_order("entry", OrderPurpose.ENTRY), an_order("stop", OrderPurpose.STOP)


@pytest.fixture
def broker() -> FakeBroker:
    """A broker that holds what the book holds, with the stop working."""
    broker = FakeBroker(NIGHT, cash_usd=Decimal(98_799), positions={"GLD": Decimal(10)}, fills=[FILL])
    broker.orders["entry"] = BrokerOrder(
        "entry", 1, 1001, "GLD", OrderStatus.FILLED, Decimal(10), Decimal(10), Side.BUY
    )
    broker.orders["stop"] = BrokerOrder(
        "stop", 2, 1002, "GLD", OrderStatus.SUBMITTED, Decimal(10), Decimal(0), Side.SELL
    )
    return broker


@pytest.fixture
def desk(store, broker) -> Services:
    """A paper book that bought ten GLD and guards them."""
    decision = Decision(
        "d", BOOK, DecisionKind.HOURLY, AS_OF, AS_OF, AS_OF.date(), False, "three_sector", "s", "c", "h", 100_000.0
    )
    with store.transaction() as tx:
        tx.ledger.open_book(BOOK, strategy="s", spec_hash="h", opened_at=AS_OF, cash_usd=Decimal(100_000))
        tx.decisions.add(decision, [], Targets(AS_OF, 100_000.0, {"GLD": 0.1}), [ENTRY, STOP])
        for order, status in ((ENTRY, OrderStatus.FILLED), (STOP, OrderStatus.SUBMITTED)):
            reserved = tx.orders.record(order, OrderEvent(order.order_id, OrderStatus.RESERVED, AS_OF))
            done = Decimal(10) if status is OrderStatus.FILLED else None
            tx.orders.record(reserved, OrderEvent(order.order_id, status, AS_OF, filled_quantity=done))
        tx.ledger.add_booking(book_fill(FILL, ()))
    return Services(store, WeekdayCalendar(), FixedClock(NIGHT), Sources(), broker)


@pytest.fixture
def ask(database_url):
    """Run a query on the test's database."""

    def rows(query: str):
        with closing(connect(database_url)) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return [tuple(row) for row in cursor.fetchall()]

    return rows


def state_of(desk: Services) -> TradingState:
    with desk.store.transaction() as tx:
        return tx.controls.trading_state(BOOK)


def test_an_equal_book_is_clean_and_nobody_is_told(desk, ask):
    found = reconcile(desk, SPEC, BOOK, SLOT)
    assert not found.degraded
    assert ask("SELECT is_clean, session_on FROM ops.reconciliations") == [(True, date(2019, 6, 3))]
    assert ask("SELECT * FROM ops.outbox") == []
    assert state_of(desk) is TradingState.ACTIVE


def test_shares_that_nobody_ordered_halt_trading_and_are_told(desk, broker, ask):
    broker.positions["TSLA"] = Decimal(50)
    found = reconcile(desk, SPEC, BOOK, SLOT)
    assert found.degraded
    assert ask("SELECT kind, symbol, ours, theirs FROM ops.breaks") == [("position", "TSLA", "0", "50")]
    assert state_of(desk) is TradingState.HALTED
    ((badge, body),) = ask("SELECT badge, body FROM ops.outbox")
    assert badge == "PAPER"
    assert "position TSLA: ours 0, broker 50" in body
    assert "HALTED" in body


def test_cash_that_nothing_explains_halts_trading(desk, broker):
    broker.cash_usd += 37
    reconcile(desk, SPEC, BOOK, SLOT)
    assert state_of(desk) is TradingState.HALTED


def test_a_late_execution_of_ours_is_a_difference_but_no_reason_to_halt(desk, broker, ask):
    broker.fills.append(
        Fill(
            "x2",
            "stop",
            BOOK,
            "GLD",
            Side.SELL,
            Decimal(10),
            Decimal(110),
            Decimal(1),
            datetime(2019, 6, 3, 19, tzinfo=UTC),
        )
    )
    broker.positions, broker.cash_usd = {}, broker.cash_usd + 1099
    found = reconcile(desk, SPEC, BOOK, SLOT)
    assert found.degraded
    assert ("unbooked_fill", "GLD") in ask("SELECT kind, symbol FROM ops.breaks")
    assert "position" not in [kind for (kind,) in ask("SELECT kind FROM ops.breaks")]
    assert state_of(desk) is TradingState.ACTIVE


def test_a_long_whose_stop_is_gone_is_told_at_once(desk, broker, ask):
    broker.orders["stop"] = BrokerOrder(
        "stop", 2, 1002, "GLD", OrderStatus.CANCELLED, Decimal(10), Decimal(0), Side.SELL
    )
    found = reconcile(desk, SPEC, BOOK, SLOT)
    assert found.degraded
    assert sorted(ask("SELECT kind FROM ops.breaks")) == [("lost_order",), ("protection",)]
    assert state_of(desk) is TradingState.ACTIVE


def test_reconciling_twice_stores_two_clean_proofs_and_changes_nothing_else(desk, ask):
    reconcile(desk, SPEC, BOOK, SLOT)
    reconcile(desk, SPEC, BOOK, SLOT)
    assert ask("SELECT count(*), bool_and(is_clean) FROM ops.reconciliations") == [(2, True)]
    assert ask("SELECT count(*) FROM ops.controls") == [(0,)]


def test_a_book_without_a_broker_cannot_be_proven(desk, store):
    bare = Services(store, WeekdayCalendar(), FixedClock(NIGHT), Sources(), None)
    with pytest.raises(ConfigurationError, match="no broker"):
        reconcile(bare, SPEC, BOOK, SLOT)


def test_the_hour_and_its_execution_are_told_once(desk, ask):
    for _ in range(2):
        told = report(desk, SPEC, BOOK, HOUR)
    assert told.decision_id == "d"
    assert told.notes[0].startswith("PAPER decision 10:30: 1 entry, 0 exits")
    assert ask("SELECT badge, kind, body FROM ops.outbox ORDER BY message_id") == [
        ("PAPER", "fill", "PAPER paper:DU0000001: bought 10 GLD at 120.0000 USD, commission 1.00 USD"),
        ("PAPER", "decision", f"PAPER paper:DU0000001: {told.notes[0].removeprefix('PAPER ')}"),
    ]


def test_an_hour_without_a_decision_says_so(desk):
    told = report(desk, SPEC, BOOK, SLOT)
    assert told.notes == ("PAPER 2019-06-03 16:00: no decision",)
    assert told.decision_id is None
