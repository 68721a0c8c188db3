"""Orders through the installed client library: what is sent, what a message may change, and what it may not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from datetime import time as clock_time
from decimal import Decimal

import pytest
from trading.adapters.ibkr import IbkrGate
from trading.adapters.ibkr.quiet import EVERY_DAY, QuietTime
from trading.adapters.ibkr.session import Patience
from trading.domain.orders import OrderPurpose, OrderStatus, OrderType, TimeInForce
from trading.errors import OutcomeUnknown, TransientError
from trading.ports import BrokerSnapshot, ReservedLeg

from tests.contract.test_broker import BOOK, NOW, bracket, leg, protection
from tests.fakes import ACCOUNT, RunningGateway, flat_bars, memory_feed, running_gateway
from tests.faultproxy import Break, fault_proxy

HASTY = Patience(2.0, 2.0, 5.0, 0.5, 0.5)


@pytest.fixture
def gateway() -> Iterator[RunningGateway]:
    bars = [*flat_bars("NVDA", date(2019, 6, 3), 5), *flat_bars("GLD", date(2019, 6, 3), 5)]
    with running_gateway(memory_feed(bars), NOW, cash_usd=1_000_000) as running:
        yield running


def gate_to(gateway: RunningGateway, port: int | None = None, **options) -> IbkrGate:
    options.setdefault("patience", HASTY)
    return IbkrGate("127.0.0.1", port or gateway.port, 11, ACCOUNT, gateway.control_port, **options)


def resting(number: int = 1, **fields) -> ReservedLeg:
    """A buy far below the market."""
    defaults = {"order_id": f"NVDA.entry.{number}", "limit_price": Decimal("95.00"), "quantity": Decimal(1)}
    return ReservedLeg(leg(OrderPurpose.ENTRY, **defaults | fields), number)


def sent(gateway: RunningGateway, order_id: int) -> dict:
    return next(o["ticket"] for o in gateway.orders() if o["ticket"]["order_id"] == order_id)


# --- what is sent ---------------------------------------------------------------------------------


def test_a_burst_of_60_orders_all_arrive(gateway: RunningGateway) -> None:
    head = resting(1)
    family = [head, *(resting(number, parent_id=head.order.order_id) for number in range(2, 61))]
    with gate_to(gateway, patience=Patience()).connect() as broker:
        events = broker.submit(family)
    assert all(event.broker_order_id for event in events)
    assert sorted(o["ticket"]["order_id"] for o in gateway.orders()) == list(range(1, 61))


def test_prices_lie_on_the_grid_of_the_brokers_market_rule(gateway: RunningGateway) -> None:
    with gate_to(gateway).connect() as broker:
        broker.submit([resting(1, limit_price=Decimal("95.0078"))])
        broker.submit([ReservedLeg(leg(OrderPurpose.TARGET, limit_price=Decimal("125.0012"), parent_id=None), 2)])
    assert Decimal(sent(gateway, 1)["limit_price"]) == 95
    assert Decimal(sent(gateway, 2)["limit_price"]) == Decimal("125.01")


def test_legs_without_a_parent_among_them_cancel_one_another(gateway: RunningGateway) -> None:
    with gate_to(gateway).connect() as broker:
        broker.submit(protection(first_id=1))
    assert {o["ticket"]["oca_group"] for o in gateway.orders()} == {"NVDA.stop.1"}
    assert all(o["ticket"]["transmit"] for o in gateway.orders())


def test_a_change_leaves_group_and_parent_as_they_are(gateway: RunningGateway) -> None:
    with gate_to(gateway).connect() as broker:
        broker.submit(protection(first_id=1))
    smaller = leg(
        OrderPurpose.STOP, order_type=OrderType.TRAIL, trail_frac=0.12, parent_id=None, quantity=Decimal(4)
    )  # fmt: skip
    with gate_to(gateway).connect() as broker:
        broker.snapshot(BOOK)
        broker.submit([ReservedLeg(smaller, 1)])
    assert (Decimal(sent(gateway, 1)["quantity"]), sent(gateway, 1)["oca_group"]) == (4, "NVDA.stop.1")


def test_a_family_that_the_broker_takes_only_in_part_is_withdrawn(gateway: RunningGateway) -> None:
    family = bracket()
    bad = leg(OrderPurpose.TARGET, limit_price=Decimal("125.00"), time_in_force=TimeInForce.OPENING)
    with gate_to(gateway).connect() as broker:
        with pytest.raises(OutcomeUnknown, match="only part"):
            broker.submit([*family[:2], ReservedLeg(bad, 3)])
        assert all(o.status is not OrderStatus.SUBMITTED for o in broker.snapshot(BOOK).orders)


def test_of_a_pair_of_equals_the_leg_that_was_taken_stays(gateway: RunningGateway) -> None:
    stop, _ = protection(first_id=1)
    bad = leg(OrderPurpose.TARGET, limit_price=Decimal(125), parent_id=None, time_in_force=TimeInForce.OPENING)
    with gate_to(gateway).connect() as broker:
        events = broker.submit([stop, ReservedLeg(bad, 2)])
        (order,) = broker.snapshot(BOOK).orders
    assert [e.status for e in events] == [OrderStatus.SUBMITTED, OrderStatus.REJECTED]
    assert (order.order_ref, order.status) == ("NVDA.stop.1", OrderStatus.SUBMITTED)


# --- what a message may change --------------------------------------------------------------------

LIVE_CODES = (104, 105, 321, 399, 404, 10006, 10147, 10148, 10349, 99_999)


@pytest.mark.parametrize("code", LIVE_CODES)
def test_a_message_about_a_live_order_changes_nothing(gateway: RunningGateway, code: int) -> None:
    with gate_to(gateway).connect() as broker:
        broker.submit([resting()])
        before = broker.snapshot(BOOK)
        gateway.tell("message", code=code, order_id=1, client_id=11, text="The order is what it was")
        assert broker.snapshot(BOOK) == before
        broker.submit([resting(quantity=Decimal(2))])
        after = broker.snapshot(BOOK)
    assert [(o.status, o.quantity) for o in after.orders] == [(OrderStatus.SUBMITTED, Decimal(2))]


def test_a_refused_change_leaves_the_order_as_it_was(gateway: RunningGateway) -> None:
    with gate_to(gateway).connect() as broker:
        broker.submit([resting()])
        (event,) = broker.submit([resting(quantity=Decimal(3), time_in_force=TimeInForce.OPENING)])
        (order,) = broker.snapshot(BOOK).orders
    assert event.status is OrderStatus.SUBMITTED
    assert "not changed: 321" in event.detail
    assert (order.status, order.quantity) == (OrderStatus.SUBMITTED, 1)


def test_a_rejection_is_told_by_the_snapshot_with_the_brokers_words(gateway: RunningGateway) -> None:
    too_dear = resting(limit_price=Decimal("99.00"), quantity=Decimal(50_000))
    with gate_to(gateway).connect() as broker:
        (event,) = broker.submit([too_dear])
        (order,) = broker.snapshot(BOOK).orders
    assert event.status is OrderStatus.SUBMITTED
    assert order.status is OrderStatus.REJECTED
    assert "insufficient funds" in order.detail


def test_an_order_that_was_never_created_is_rejected_at_once(gateway: RunningGateway) -> None:
    with gate_to(gateway).connect() as broker:
        (event,) = broker.submit([resting(time_in_force=TimeInForce.OPENING)])
        assert broker.snapshot(BOOK).orders == ()
    assert (event.status, "321" in event.detail) == (OrderStatus.REJECTED, True)


@pytest.mark.parametrize("code", [103, 110, 135, 200, 320, 434, 460, 10242, 10243])
def test_b08_a_refusal_before_an_order_exists_is_final_and_has_its_reason(gateway: RunningGateway, code: int) -> None:
    gateway.tell("reject", code=code, text="not like this")
    with gate_to(gateway).connect() as broker:
        (event,) = broker.submit([resting()])
    assert (event.status, event.detail) == (OrderStatus.REJECTED, f"{code} not like this")
    assert gateway.orders() == []


def test_b08_an_order_rejected_with_201_has_its_reason(gateway: RunningGateway) -> None:
    gateway.tell("reject", code=201, text="Order rejected - reason:LGSZ")
    with gate_to(gateway).connect() as broker:
        broker.submit([resting()])
        (order,) = broker.snapshot(BOOK).orders
    assert (order.status, "LGSZ" in order.detail) == (OrderStatus.REJECTED, True)


def test_a_refusal_under_a_used_id_is_unknown_and_no_rejection(gateway: RunningGateway) -> None:
    with gate_to(gateway).connect() as broker:
        broker.submit([resting(7)])
    with gate_to(gateway).connect() as broker, pytest.raises(OutcomeUnknown, match="used before"):
        broker.submit([resting(5)])


def test_a_change_that_comes_too_late_is_not_sent(gateway: RunningGateway) -> None:
    market = ReservedLeg(leg(OrderPurpose.ENTRY, order_type=OrderType.MARKET), 1)
    with gate_to(gateway).connect() as broker:
        broker.submit([market])
        (event,) = broker.submit([market])
        (order,) = broker.snapshot(BOOK).orders
    assert (event.status, event.detail) == (OrderStatus.SUBMITTED, "not changed: it is Filled already")
    assert (order.status, order.filled_quantity) == (OrderStatus.FILLED, 10)
    assert len(gateway.orders()) == 1


def test_an_id_of_an_earlier_connection_is_never_taken_for_a_new_order(gateway: RunningGateway) -> None:
    market = ReservedLeg(leg(OrderPurpose.ENTRY, order_type=OrderType.MARKET), 1)
    with gate_to(gateway).connect() as broker:
        broker.submit([market])
    with gate_to(gateway).connect() as broker:
        broker.snapshot(BOOK)
        with pytest.raises(OutcomeUnknown, match="used before"):
            broker.submit([market])
    assert len(gateway.orders()) == 1


def test_b05_every_execution_counts_once_however_often_it_is_told(gateway: RunningGateway) -> None:
    with gate_to(gateway).connect() as broker:
        for message_id in (-3, -11, -59, -11, -59):
            gateway.tell("fault", message_id=message_id, fault="duplicate")
        broker.submit(bracket())
        seen = broker.snapshot(BOOK)
    assert [(f.quantity, f.commission_usd) for f in seen.fills] == [(Decimal(10), Decimal(1))]
    assert dict(seen.positions) == {"NVDA": Decimal(10)}


def test_b16_remarks_are_no_failures(gateway: RunningGateway) -> None:
    with gate_to(gateway).connect() as broker:
        broker.submit([resting()])
        gateway.tell("message", code=399, order_id=1, client_id=11, text="will not be placed until the open")
        for code in (2103, 2104, 2106):
            gateway.tell("connectivity", code=code)
        broker.submit([resting(2)])
        assert [o.status for o in broker.snapshot(BOOK).orders] == [OrderStatus.SUBMITTED] * 2


# --- when nothing may travel ----------------------------------------------------------------------


def test_b12_nothing_travels_while_the_broker_is_lost_and_a_snapshot_comes_first_after(gateway: RunningGateway) -> None:
    with gate_to(gateway).connect() as broker:
        broker.submit([resting()])
        gateway.tell("connectivity", code=1100)
        with pytest.raises(TransientError, match="1100"):
            broker.submit([resting(2)])
        with pytest.raises(TransientError, match="1100"):
            broker.cancel([1])
        gateway.tell("connectivity", code=1102)
        with pytest.raises(TransientError, match="snapshot"):
            broker.submit([resting(2)])
        assert len(broker.snapshot(BOOK).orders) == 1
        broker.submit([resting(2)])
    assert len(gateway.orders()) == 2


def test_b12_nothing_travels_around_the_gateways_restart(gateway: RunningGateway) -> None:
    around = QuietTime(clock_time(10, 25), clock_time(10, 35), EVERY_DAY, "the gateway restarts at 10:30")
    with gate_to(gateway, quiet_times=[around]).connect() as broker:
        with pytest.raises(TransientError, match="restarts at 10:30; wait until 10:35"):
            broker.submit([resting()])
        with pytest.raises(TransientError, match="nothing was cancelled"):
            broker.cancel([1])
    assert gateway.orders() == []


def snapshot_after_retries(gateway: RunningGateway) -> BrokerSnapshot:
    """Look until the gateway is up again, as a retried task does."""
    for _ in range(200):
        with suppress(TransientError), gate_to(gateway).connect() as broker:
            return broker.snapshot(BOOK)
        time.sleep(0.02)
    raise AssertionError("the gateway never came back")


def test_b12_a_nightly_restart_breaks_the_connection_and_keeps_the_orders(gateway: RunningGateway) -> None:
    with gate_to(gateway).connect() as broker:
        broker.submit(bracket())
        gateway.tell("restart", down_seconds=0)
        with pytest.raises(TransientError):
            broker.snapshot(BOOK)
    seen = snapshot_after_retries(gateway)
    assert [o.status for o in seen.orders].count(OrderStatus.SUBMITTED) == 2
    assert (len(seen.orders), seen.next_order_id) == (3, 4)


def test_b12_a_lost_broker_that_speaks_only_to_the_order_leaves_its_fate_open(gateway: RunningGateway) -> None:
    gateway.tell("connectivity", code=1100)
    with gate_to(gateway).connect() as broker, pytest.raises(OutcomeUnknown, match="snapshot decides"):
        broker.submit([resting()])


# --- when the wire breaks -------------------------------------------------------------------------


def test_b02_after_a_reset_the_orders_that_left_are_found_and_one_family_exists(gateway: RunningGateway) -> None:
    with fault_proxy(gateway.port) as proxy:
        with gate_to(gateway, proxy.port).connect() as broker:
            proxy.arm(Break.RESET, b"NVDA.target.2")
            with pytest.raises(TransientError, match="sends no second order"):
                broker.submit(bracket())
        with gate_to(gateway).connect() as broker:
            seen = broker.snapshot(BOOK)
    assert all(seen.find(reserved.order.order_id) for reserved in bracket())
    assert len(gateway.orders()) == 3


def test_b03_after_silence_the_orders_that_left_are_found_and_one_family_exists(gateway: RunningGateway) -> None:
    with fault_proxy(gateway.port) as proxy:
        with gate_to(gateway, proxy.port).connect() as broker:
            proxy.arm(Break.BLACKHOLE, b"NVDA.target.2")
            with pytest.raises(OutcomeUnknown, match="no acknowledgement"):
                broker.submit(bracket())
        with gate_to(gateway).connect() as broker:
            seen = broker.snapshot(BOOK)
    assert all(seen.find(reserved.order.order_id) for reserved in bracket())
    assert len(gateway.orders()) == 3
