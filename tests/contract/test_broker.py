"""One suite for the port Broker: the fake, and ib_insync over a real socket to the paper gateway."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal

import pytest
from trading.adapters.ibkr import IbkrGate
from trading.domain.instruments import BookId, BookKind
from trading.domain.orders import Order, OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.errors import BrokerRefused
from trading.ports import Broker, ReservedLeg

from tests.fakes import ACCOUNT, FakeBroker, flat_bars, memory_feed, ny, running_gateway

BOOK = BookId(BookKind.PAPER, ACCOUNT)
NOW = ny("2019-06-03 10:30")
type Connect = Callable[[], AbstractContextManager[Broker]]


@pytest.fixture(params=["fake", "ibkr"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    if request.param == "fake":
        yield FakeBroker(NOW, {"NVDA": Decimal(100)}).connect
        return
    feed = memory_feed(flat_bars("NVDA", date(2019, 6, 3), 5))
    with running_gateway(feed, NOW) as gateway:
        yield IbkrGate("127.0.0.1", gateway.port, 11, ACCOUNT, gateway.control_port).connect


def leg(purpose: OrderPurpose, **fields) -> Order:
    number = {"entry": 0, "stop": 1, "target": 2}.get(purpose, 0)
    defaults = {
        "order_id": f"NVDA.{purpose}.{number}", "book": BOOK, "decision_id": "d1", "symbol": "NVDA",
        "side": Side.BUY if purpose is OrderPurpose.ENTRY else Side.SELL, "quantity": Decimal(10),
        "order_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "purpose": purpose, "planned_at": NOW,
        "leg": number, "parent_id": None if purpose is OrderPurpose.ENTRY else "NVDA.entry.0",
    }  # fmt: skip
    return Order(**defaults | fields)


def bracket(first_id: int = 1) -> list[ReservedLeg]:
    entry = leg(
        OrderPurpose.ENTRY, limit_price=Decimal("100.50"), time_in_force=TimeInForce.UNTIL,
        expires_at=ny("2019-06-03 10:55"),
    )  # fmt: skip
    stop = leg(OrderPurpose.STOP, order_type=OrderType.TRAIL, trail_frac=0.12)
    target = leg(OrderPurpose.TARGET, limit_price=Decimal("125.00"))
    return [ReservedLeg(order, first_id + n) for n, order in enumerate((entry, stop, target))]


def test_an_empty_account_is_reported_in_full(connect: Connect) -> None:
    with connect() as broker:
        seen = broker.snapshot(BOOK)
    assert (seen.account, seen.orders, seen.fills, dict(seen.positions)) == (ACCOUNT, (), (), {})
    assert (seen.cash_usd, seen.next_order_id, seen.taken_at) == (Decimal(100_000), 1, NOW)


def test_the_simulated_broker_says_so(connect: Connect) -> None:
    with connect() as broker:
        who = broker.identity()
    assert who.accounts == (ACCOUNT,)
    assert (who.is_simulated, who.server_now, who.client_id) == (True, NOW, 11)


def test_a_bracket_fills_and_its_protection_works(connect: Connect) -> None:
    with connect() as broker:
        events = broker.submit(bracket())
        seen = broker.snapshot(BOOK)
    assert [e.order_id for e in events] == ["NVDA.entry.0", "NVDA.stop.1", "NVDA.target.2"]
    assert all(e.broker_order_id for e in events)
    status = {o.order_ref: o.status for o in seen.orders}
    assert status["NVDA.entry.0"] is OrderStatus.FILLED
    assert status["NVDA.stop.1"] is OrderStatus.SUBMITTED
    assert status["NVDA.target.2"] is OrderStatus.SUBMITTED
    assert dict(seen.positions) == {"NVDA": Decimal(10)}
    (fill,) = seen.fills
    assert (fill.order_id, fill.side, fill.quantity, fill.executed_at) == ("NVDA.entry.0", Side.BUY, 10, NOW)
    assert fill.commission_usd == Decimal(1)
    assert seen.cash_usd == Decimal(100_000) - fill.price * 10 - 1


def test_a_broker_that_saw_three_ids_says_the_next_one(connect: Connect) -> None:
    with connect() as broker:
        broker.submit(bracket(first_id=7))
        assert broker.snapshot(BOOK).next_order_id == 10


def test_the_same_family_under_the_same_ids_is_one_family(connect: Connect) -> None:
    resting = ReservedLeg(leg(OrderPurpose.ENTRY, limit_price=Decimal("91.00"), symbol="NVDA"), 1)
    with connect() as broker:
        if isinstance(broker, FakeBroker):
            broker.prices = {}
        broker.submit([resting])
        broker.submit([resting])
        assert len(broker.snapshot(BOOK).orders) == 1


def test_cancelled_protection_is_gone_in_the_next_snapshot(connect: Connect) -> None:
    with connect() as broker:
        broker.submit(bracket())
        broker.cancel([2, 3])
        seen = broker.snapshot(BOOK)
    assert {o.order_ref: o.status for o in seen.orders if o.order_ref != "NVDA.entry.0"} == {
        "NVDA.stop.1": OrderStatus.CANCELLED,
        "NVDA.target.2": OrderStatus.CANCELLED,
    }


def test_the_clock_moves_forward(connect: Connect) -> None:
    with connect() as broker:
        broker.advance_clock(ny("2019-06-03 11:30"))
        assert broker.identity().server_now == ny("2019-06-03 11:30")


def test_orders_survive_the_connection(connect: Connect) -> None:
    with connect() as broker:
        broker.submit(bracket())
    with connect() as broker:
        assert len(broker.snapshot(BOOK).orders) == 3


def test_a_real_broker_keeps_its_own_time() -> None:
    with running_gateway(memory_feed([]), NOW) as gateway:
        gate = IbkrGate("127.0.0.1", gateway.port, 11, ACCOUNT, None)
        with gate.connect() as broker, pytest.raises(BrokerRefused, match="clock"):
            broker.advance_clock(ny("2019-06-03 11:30"))
