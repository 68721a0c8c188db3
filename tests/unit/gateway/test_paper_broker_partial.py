"""Partial fills and groups: protection for exactly what filled, never more sold than bought."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from trading.execution.costs import ibkr_fixed
from trading.gateway.records import Status
from trading.gateway.stepping import advance

from tests.fakes import ny, with_prices
from tests.unit.gateway.paper import CLIENT, FLAT, a_market_order, a_ticket, broker_on, place_bracket, statuses

NEXT, LATER = ny("2019-06-03 11:00"), ny("2019-06-03 11:30")


def capped(broker, shares: int | None):
    if shares is None:
        broker.state.fill_caps.pop("NVDA", None)
    else:
        broker.state.fill_caps["NVDA"] = Decimal(shares)
    return broker


def held(broker) -> Decimal:
    return broker.state.holdings["NVDA"].quantity


def test_a_capped_symbol_fills_an_order_bar_by_bar() -> None:
    broker = capped(broker_on(FLAT), 4)
    broker.place(CLIENT, a_market_order())
    assert (statuses(broker), held(broker)) == ([Status.SUBMITTED], 4)
    advance(broker, NEXT)
    advance(broker, LATER)
    assert [(e.quantity, e.cumulative) for e in broker.state.executions] == [(4, 4), (4, 8), (2, 10)]
    assert statuses(broker) == [Status.FILLED]


def test_the_cap_is_shared_by_the_orders_of_a_symbol_in_one_bar() -> None:
    broker = capped(broker_on(FLAT), 4)
    for order_id in (1, 2):
        broker.place(CLIENT, a_market_order(order_id, quantity=Decimal(3)))
    assert [o.filled for o in broker.state.orders] == [3, 1]


def test_a_cap_of_nothing_fills_nothing_until_it_is_lifted() -> None:
    broker = capped(broker_on(FLAT), 0)
    broker.place(CLIENT, a_market_order())
    advance(broker, NEXT)
    assert broker.state.executions == []
    advance(capped(broker, None), LATER)
    assert statuses(broker) == [Status.FILLED]


def test_the_minimum_commission_counts_once_an_order() -> None:
    broker = capped(broker_on(FLAT, commission=ibkr_fixed), 100)
    broker.place(CLIENT, a_market_order(quantity=Decimal(300)))
    advance(broker, LATER)
    assert [e.commission_usd for e in broker.state.executions] == [1, 0, Decimal("0.5")]


def test_children_wake_with_the_first_partial_fill_and_guard_exactly_it() -> None:
    broker = capped(broker_on(with_prices(FLAT, NEXT, (70, 70, 70, 70))), 4)
    place_bracket(broker, limit="100.00")
    assert statuses(broker) == [Status.SUBMITTED, Status.PRE_SUBMITTED, Status.SUBMITTED]
    capped(broker, None)
    advance(broker, NEXT)
    stop = broker.state.orders[1]
    assert (stop.filled, stop.ticket.quantity) == (4, 10)
    assert held(broker) == 6


def test_b06_a_partial_fill_then_a_cancel_of_the_rest_leaves_children_for_the_filled_part() -> None:
    broker = capped(broker_on(FLAT), 4)
    place_bracket(broker)
    broker.cancel(CLIENT, 1)
    assert [(o.status, o.ticket.quantity) for o in broker.state.orders] == [
        (Status.CANCELLED, 10), (Status.PRE_SUBMITTED, 4), (Status.SUBMITTED, 4),
    ]  # fmt: skip


def test_a_partly_sold_family_shrinks_to_what_is_left_when_the_entry_is_cancelled() -> None:
    broker = capped(broker_on(with_prices(FLAT, NEXT, (130, 130, 130, 130))), 4)
    place_bracket(broker)
    capped(broker, 1)
    advance(broker, NEXT)
    broker.cancel(CLIENT, 1)
    assert [(o.ticket.quantity, o.filled, o.remaining) for o in broker.state.orders[1:]] == [(3, 0, 3), (4, 1, 3)]


def test_an_entry_that_expires_unfilled_takes_its_children_along() -> None:
    broker = capped(broker_on(FLAT), 0)
    place_bracket(broker, tif="DAY")
    advance(broker, ny("2019-06-03 16:00"))
    assert statuses(broker) == [Status.CANCELLED] * 3


def test_a_partial_sale_reduces_the_sibling_and_a_full_one_cancels_it() -> None:
    up = with_prices(FLAT, NEXT, (130, 130, 130, 130))
    broker = broker_on(with_prices(up, LATER, (120, 120, 120, 120)))
    place_bracket(broker)
    capped(broker, 4)
    advance(broker, NEXT)
    stop, target = broker.state.orders[1:]
    assert (target.filled, stop.remaining, stop.status) == (4, 6, Status.PRE_SUBMITTED)
    capped(broker, None)
    broker.place(CLIENT, a_ticket(3, action="SELL", parent_id=1, limit_price=Decimal("99.00")))
    advance(broker, LATER)
    assert (statuses(broker), held(broker)) == ([Status.FILLED, Status.CANCELLED, Status.FILLED], 0)


def test_a_stop_that_filled_in_part_goes_on_as_a_market_order() -> None:
    dip = with_prices(FLAT, NEXT, (80, 80, 80, 80))
    broker = broker_on(dip)
    place_bracket(broker)
    capped(broker, 4)
    advance(broker, NEXT)
    stop = broker.state.orders[1]
    assert (stop.filled, stop.status, stop.why_held) == (4, Status.SUBMITTED, "")
    advance(capped(broker, None), LATER)
    assert [e.price for e in broker.state.executions[1:]] == [80, 100]


def test_any_fill_cancels_a_group_of_type_1() -> None:
    broker = broker_on(FLAT)
    place_bracket(broker)
    advance(capped(broker, 4), NEXT)
    group = {"action": "SELL", "oca_group": "exit", "oca_type": 1}
    broker.place(CLIENT, a_ticket(4, limit_price=Decimal("140.00"), **group))
    broker.place(CLIENT, a_market_order(5, **group))
    assert [o.status for o in broker.state.orders[3:]] == [Status.CANCELLED, Status.SUBMITTED]


def test_a_group_of_type_3_is_reduced_by_the_shares_filled() -> None:
    broker = capped(broker_on(FLAT), 4)
    group = {"action": "SELL", "oca_group": "exit", "oca_type": 3}
    broker.place(CLIENT, a_ticket(1, limit_price=Decimal("110.00"), **group))
    broker.place(CLIENT, a_market_order(2, **group))
    assert [(o.status, o.remaining) for o in broker.state.orders] == [(Status.SUBMITTED, 6)] * 2


def test_a_child_added_to_a_partly_filled_entry_works_at_once() -> None:
    broker = capped(broker_on(FLAT), 4)
    broker.place(CLIENT, a_market_order(1))
    stop = a_ticket(2, action="SELL", parent_id=1, order_type="STP", limit_price=None, aux_price=Decimal(90))
    broker.place(CLIENT, stop)
    assert broker.state.orders[1].activated_at is not None


def test_a_family_never_sells_more_than_its_entry_bought() -> None:
    wild = [replace(b, high=140.0, low=60.0) for b in FLAT]
    broker = capped(broker_on(wild), 3)
    place_bracket(broker)
    for bar in FLAT[2:20]:
        advance(broker, bar.ends_at)
        assert held(broker) >= 0
    assert held(broker) == 0
