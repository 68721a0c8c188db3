"""One suite for the port Broker: the fake, and the installed client library over a real socket to the paper gateway."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal

import pytest
from trading.adapters.ibkr import IbkrGate
from trading.domain.instruments import BookId, BookKind
from trading.domain.orders import Order, OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.errors import BrokerRefused
from trading.ports import Broker, BrokerRole, ReservedLeg

from tests.fakes import ACCOUNT, FakeBroker, flat_bars, memory_feed, ny, running_gateway

BOOK = BookId(BookKind.PAPER, ACCOUNT)
NOW = ny("2019-06-03 10:30")
type Connect = Callable[..., AbstractContextManager[Broker]]


@pytest.fixture(params=["fake", "ibkr"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    if request.param == "fake":
        yield FakeBroker(NOW, {"NVDA": Decimal(100)}, refusals={"AMD": "201 insufficient funds"}).connect
        return
    bars = [*flat_bars("NVDA", date(2019, 6, 3), 5), *flat_bars("AMD", date(2019, 6, 3), 5)]
    with running_gateway(memory_feed(bars), NOW) as gateway:
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
    assert all(e.broker_order_id and e.status is OrderStatus.SUBMITTED for e in events)
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


def protection(first_id: int) -> list[ReservedLeg]:
    stop = leg(OrderPurpose.STOP, order_type=OrderType.TRAIL, trail_frac=0.12, parent_id=None)
    target = leg(OrderPurpose.TARGET, limit_price=Decimal("125.00"), parent_id=None)
    return [ReservedLeg(stop, first_id), ReservedLeg(target, first_id + 1)]


def test_protection_without_an_entry_works_at_once(connect: Connect) -> None:
    with connect() as broker:
        broker.submit([ReservedLeg(leg(OrderPurpose.ENTRY, order_type=OrderType.MARKET), 1)])
        events = broker.submit(protection(first_id=2))
        seen = broker.snapshot(BOOK)
    assert all(e.broker_order_id for e in events)
    assert {o.order_ref: o.status for o in seen.orders if o.side is Side.SELL} == {
        "NVDA.stop.1": OrderStatus.SUBMITTED,
        "NVDA.target.2": OrderStatus.SUBMITTED,
    }


def test_the_same_id_with_another_size_changes_the_same_order(connect: Connect) -> None:
    with connect() as broker:
        broker.submit(bracket())
        before = broker.snapshot(BOOK).find("NVDA.stop.1")
        smaller = leg(OrderPurpose.STOP, order_type=OrderType.TRAIL, trail_frac=0.12, quantity=Decimal(4))
        broker.submit([ReservedLeg(smaller, 2)])
        seen = broker.snapshot(BOOK)
    after = seen.find("NVDA.stop.1")
    assert (before.quantity, after.quantity) == (10, 4)
    assert after.perm_id == before.perm_id
    assert len(seen.orders) == 3


def test_a_rejected_order_has_its_reason(connect: Connect) -> None:
    too_many = leg(OrderPurpose.ENTRY, order_type=OrderType.MARKET, quantity=Decimal(99_999), symbol="AMD")
    with connect() as broker:
        broker.submit([ReservedLeg(too_many, 1)])
        (order,) = broker.snapshot(BOOK).orders
    assert order.status is OrderStatus.REJECTED
    assert "insufficient funds" in order.detail


@pytest.mark.parametrize("role", [BrokerRole.DATA, BrokerRole.RECONCILER, BrokerRole.OPERATOR])
def test_only_the_writer_places_orders(connect: Connect, role: BrokerRole) -> None:
    with connect(role) as broker, pytest.raises(BrokerRefused, match="writer"):
        broker.submit(bracket())


@pytest.mark.parametrize("role", [BrokerRole.DATA, BrokerRole.RECONCILER])
def test_readers_cancel_nothing(connect: Connect, role: BrokerRole) -> None:
    with connect(role) as broker, pytest.raises(BrokerRefused, match="operator"):
        broker.cancel([1])


def test_the_operator_cancels_the_writers_orders(connect: Connect) -> None:
    with connect() as broker:
        broker.submit(bracket())
    with connect(BrokerRole.OPERATOR) as broker:
        assert {o.client_id for o in broker.snapshot(BOOK).orders if o.status is OrderStatus.SUBMITTED} == {11}
        broker.cancel([2, 3])
        seen = broker.snapshot(BOOK)
    assert [seen.find(ref).status for ref in ("NVDA.stop.1", "NVDA.target.2")] == [OrderStatus.CANCELLED] * 2


def test_every_symbol_has_a_quote_and_an_unknown_one_has_only_none_in_it(connect: Connect) -> None:
    with connect(BrokerRole.DATA) as broker:
        seen = broker.quotes(["NVDA", "NONE"])
    known, unknown = seen["NVDA"], seen["NONE"]
    assert abs(known.last - 100) < 1
    assert (known.quoted_at, known.is_delayed, known.is_halted) == (NOW, False, False)
    assert (unknown.bid, unknown.ask, unknown.last, unknown.quoted_at, unknown.is_halted) == (None,) * 5


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
