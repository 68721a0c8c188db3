"""Lifecycles of single orders as captured from a real gateway: what is told, in which order, and what stays live."""

from __future__ import annotations

from decimal import Decimal

import pytest
from trading.gateway.events import Executed, OrderMessage
from trading.gateway.records import Refusal, Status
from trading.gateway.stepping import advance

from tests.fakes import ny, with_prices
from tests.unit.gateway.paper import (
    CLIENT,
    FLAT,
    START,
    a_market_order,
    a_ticket,
    broker_on,
    place_bracket,
    statuses,
    told,
)

FAR = Decimal("95.00")


def test_a_market_order_is_submitted_and_then_filled() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_market_order())
    assert told(broker.take_events()) == ["OrderChanged 1 Submitted ", "Executed 1 Filled "]


def test_a_stop_waits_for_its_trigger() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(action="SELL", order_type="STP", limit_price=None, aux_price=Decimal(90)))
    (order,) = broker.live()
    assert (order.status, order.why_held, order.stop_price) == (Status.PRE_SUBMITTED, "trigger", 90)


def test_an_immediate_or_cancel_order_that_cannot_fill_goes_through_pending_cancel() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(tif="IOC", limit_price=FAR))
    assert told(broker.take_events()) == [
        "OrderChanged 1 Submitted ", "OrderChanged 1 PendingCancel ", "OrderCancelled 1 Cancelled ",
    ]  # fmt: skip


def test_an_immediate_or_cancel_order_keeps_the_part_that_filled() -> None:
    broker = broker_on(FLAT)
    broker.state.fill_caps["NVDA"] = Decimal(4)
    broker.place(CLIENT, a_ticket(tif="IOC"))
    (order,) = broker.state.orders
    assert (order.status, order.filled) == (Status.CANCELLED, 4)


def test_a_fill_or_kill_order_that_cannot_fill_whole_becomes_inactive() -> None:
    broker = broker_on(FLAT)
    broker.state.fill_caps["NVDA"] = Decimal(4)
    broker.place(CLIENT, a_ticket(tif="FOK"))
    broker.place(CLIENT, a_ticket(2, tif="FOK", quantity=Decimal(4)))
    assert statuses(broker) == [Status.INACTIVE, Status.FILLED]
    assert broker.state.holdings["NVDA"].quantity == 4


@pytest.mark.parametrize(("tif", "end"), [("IOC", Status.CANCELLED), ("FOK", Status.INACTIVE)])
def test_a_limit_20_percent_through_the_market_never_fills_at_once(tif: str, end: Status) -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(tif=tif, limit_price=Decimal("120.00")))
    assert (statuses(broker), broker.state.executions) == ([end], [])


def test_a_missing_time_in_force_is_set_to_day_and_told_with_10349() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(tif="", limit_price=FAR))
    assert "OrderMessage 1 PreSubmitted 10349" in told(broker.take_events())
    assert [(o.ticket.tif, o.status) for o in broker.live()] == [("DAY", Status.SUBMITTED)]


def test_an_empty_account_means_the_only_one() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(account=""))
    assert broker.state.orders[0].ticket.account == broker.state.account


def test_b16_an_order_after_the_close_waits_with_399_and_fills_at_the_next_open() -> None:
    broker = broker_on(FLAT)
    advance(broker, ny("2019-06-03 18:00"))
    broker.place(CLIENT, a_market_order())
    assert told(broker.take_events())[-1] == "OrderMessage 1 PreSubmitted 399"
    assert statuses(broker) == [Status.PRE_SUBMITTED]
    advance(broker, ny("2019-06-04 09:30"))
    assert broker.state.executions[0].executed_at == ny("2019-06-04 09:30")


def test_a_good_till_cancelled_order_ends_with_the_quarter_after_the_current_one() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(limit_price=FAR))
    (order,) = broker.live()
    assert order.auto_cancel_at == ny("2019-09-30 23:59:59")
    advance(broker, ny("2019-09-30 23:00"))
    assert not order.is_done
    advance(broker, ny("2019-10-01 00:00"))
    assert (order.status, order.done_text) == (
        Status.CANCELLED, "Cancelled by System: GTC order ended with the calendar quarter",
    )  # fmt: skip


def test_the_automatic_end_rolls_over_the_year() -> None:
    broker = broker_on(FLAT)
    broker.state.clock = ny("2019-12-31 10:00")
    broker.place(CLIENT, a_ticket(limit_price=FAR))
    assert broker.state.orders[0].auto_cancel_at == ny("2020-03-31 23:59:59")


# --- changing ---------------------------------------------------------------------------------------


def test_a_modification_keeps_the_permanent_id() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(limit_price=FAR))
    perm_id = broker.state.orders[0].perm_id
    broker.place(CLIENT, a_ticket(limit_price=FAR, quantity=Decimal(7)))
    assert [(o.perm_id, o.remaining) for o in broker.live()] == [(perm_id, 7)]


def test_a_repriced_limit_fills_at_once_where_the_market_is() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(limit_price=FAR))
    broker.place(CLIENT, a_ticket(limit_price=Decimal("101.00")))
    assert broker.state.executions[0].price == 100


def test_a_new_price_is_not_met_by_what_the_running_bar_did_before() -> None:
    broker = broker_on(with_prices(FLAT, START, (100, 100, 96, 100)))
    broker.place(CLIENT, a_ticket(limit_price=FAR))
    advance(broker, ny("2019-06-03 10:45"))
    broker.place(CLIENT, a_ticket(limit_price=Decimal("97.00")))
    advance(broker, ny("2019-06-03 11:00"))
    assert broker.state.executions == []


def test_an_order_can_be_given_more_time() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(limit_price=FAR, tif="GTD", good_till=ny("2019-06-03 10:55")))
    broker.place(CLIENT, a_ticket(limit_price=FAR, tif="GTD", good_till=ny("2019-06-03 11:25")))
    advance(broker, ny("2019-06-03 11:00"))
    assert statuses(broker) == [Status.SUBMITTED]
    advance(broker, ny("2019-06-03 11:30"))
    assert statuses(broker) == [Status.CANCELLED]


def test_a_limit_order_can_become_a_market_order() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(limit_price=FAR))
    broker.place(CLIENT, a_ticket(order_type="MKT", limit_price=None))
    assert statuses(broker) == [Status.FILLED]


def test_a_resized_trailing_stop_does_not_fall_back() -> None:
    rising = with_prices(FLAT, START, (100, 120, 100, 120))
    broker = broker_on(with_prices(rising, ny("2019-06-03 11:00"), (115, 115, 115, 115)))
    place_bracket(broker)
    advance(broker, ny("2019-06-03 11:00"))
    stop = broker.state.orders[1]
    assert stop.stop_price == Decimal("105.6000")
    trail = {"order_type": "TRAIL", "limit_price": None, "trail_percent": Decimal(12)}
    broker.place(CLIENT, a_ticket(2, action="SELL", parent_id=1, quantity=Decimal(6), **trail))
    assert (stop.stop_price, stop.remaining) == (Decimal("105.6000"), 6)


CHANGES = {
    "another side": (105, {"action": "SELL"}),
    "another type": (105, {"order_type": "STP", "aux_price": Decimal(90)}),
    "less than filled": (10006, {"quantity": Decimal(3)}),
    "more than the cash pays": (10006, {"quantity": Decimal(100_000)}),
    "far through the market": (10006, {"limit_price": Decimal("120.00")}),
    "off the tick": (110, {"limit_price": Decimal("95.001")}),
}


@pytest.mark.parametrize(("code", "fields"), CHANGES.values(), ids=CHANGES)
def test_a_refused_modification_leaves_the_order_as_it_was(code: int, fields: dict) -> None:
    broker = broker_on(FLAT)
    broker.state.fill_caps["NVDA"] = Decimal(4)
    broker.place(CLIENT, a_ticket())
    before = broker.state.orders[0].ticket
    with pytest.raises(Refusal) as refused:
        broker.place(CLIENT, a_ticket(**fields))
    (order,) = broker.live()
    assert (refused.value.code, order.ticket, order.filled) == (code, before, 4)


def test_an_order_cut_down_to_what_it_filled_is_filled() -> None:
    broker = broker_on(FLAT)
    broker.state.fill_caps["NVDA"] = Decimal(4)
    broker.place(CLIENT, a_ticket())
    broker.place(CLIENT, a_ticket(quantity=Decimal(4)))
    assert (statuses(broker), broker.state.orders[0].done_text) == ([Status.FILLED], "Filled Size: 4")


def test_the_id_of_an_ended_order_is_used_up() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket())
    broker.place(CLIENT, a_ticket(2, limit_price=FAR))
    broker.cancel(CLIENT, 2)
    for order_id, code in ((1, 104), (2, 103)):
        with pytest.raises(Refusal) as refused:
            broker.place(CLIENT, a_ticket(order_id))
        assert refused.value.code == code
    assert len(broker.state.orders) == 2


# --- cancelling -------------------------------------------------------------------------------------


def test_a_cancel_tells_status_and_reason_and_a_second_one_is_too_late() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(limit_price=FAR))
    broker.take_events()
    broker.cancel(CLIENT, 1)
    (event,) = broker.take_events()
    assert (event.order.status, event.reason, event.cancelled_by) == (Status.CANCELLED, "Cancelled by Trader", None)
    with pytest.raises(Refusal) as refused:
        broker.cancel(CLIENT, 1)
    assert refused.value.code == 10148


def test_another_client_cancels_by_order_id_and_the_status_carries_its_id() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(7, limit_price=FAR))
    broker.take_events()
    broker.cancel(41, 7)
    (event,) = broker.take_events()
    assert (event.order.client_id, event.cancelled_by) == (CLIENT, 41)


def test_an_order_id_that_two_clients_use_is_not_cancelled_by_a_third() -> None:
    broker = broker_on(FLAT)
    for client in (11, 12):
        broker.place(client, a_ticket(7, limit_price=FAR))
    with pytest.raises(Refusal) as refused:
        broker.cancel(41, 7)
    assert refused.value.code == 10147
    assert len(list(broker.live())) == 2


def test_the_global_cancel_ends_everything_also_what_was_made_by_hand() -> None:
    broker = broker_on(FLAT)
    place_bracket(broker)
    broker.place_by_hand(a_ticket(limit_price=FAR))
    broker.cancel_all(41)
    assert list(broker.live()) == []


# --- scripted trouble -------------------------------------------------------------------------------


def test_an_order_made_by_hand_has_neither_id_nor_reference() -> None:
    broker = broker_on(FLAT)
    order = broker.place_by_hand(a_ticket(limit_price=FAR, order_ref="x"))
    assert (order.client_id, order.ticket.order_id, order.ticket.order_ref) == (0, 0, "")
    assert broker.next_id(0) == 1


def test_b08_a_scripted_rejection_leaves_an_inactive_order_with_its_text_and_burns_the_id() -> None:
    broker = broker_on(FLAT)
    broker.refuse_next(201, "no margin today")
    place_bracket(broker)
    assert statuses(broker) == [Status.INACTIVE, Status.CANCELLED, Status.CANCELLED]
    assert broker.state.orders[0].done_text == "no margin today"
    assert [e.text for e in broker.take_events() if isinstance(e, OrderMessage)] == [
        "Order rejected - reason:no margin today"
    ]
    assert broker.next_id(CLIENT) == 4


@pytest.mark.parametrize("code", [110, 200, 460, 10243])
def test_b08_a_scripted_refusal_creates_nothing_and_only_as_often_as_asked(code: int) -> None:
    broker = broker_on(FLAT)
    broker.refuse_next(code, "no")
    with pytest.raises(Refusal) as refused:
        broker.place(CLIENT, a_ticket())
    broker.place(CLIENT, a_ticket())
    assert (refused.value.code, statuses(broker)) == (code, [Status.FILLED])


def test_a_rejected_id_may_stay_uncounted_although_it_is_burnt() -> None:
    broker = broker_on(FLAT)
    broker.keep_rejected_ids(is_kept=True)
    broker.place(CLIENT, a_ticket(limit_price=Decimal("120.00")))
    assert broker.next_id(CLIENT) == 1
    with pytest.raises(Refusal) as refused:
        broker.place(CLIENT, a_ticket())
    assert refused.value.code == 103


@pytest.mark.parametrize("code", [10349, 10006, 10148, 399, 2109])
def test_an_informational_message_changes_nothing(code: int) -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(limit_price=FAR))
    broker.take_events()
    broker.say(CLIENT, 1, code, "by the way")
    assert told(broker.take_events()) == [f"OrderMessage 1 Submitted {code}"]
    assert statuses(broker) == [Status.SUBMITTED]


def test_events_show_the_order_as_it_was_when_they_happened() -> None:
    broker = broker_on(FLAT)
    broker.state.fill_caps["NVDA"] = Decimal(4)
    broker.place(CLIENT, a_market_order())
    advance(broker, ny("2019-06-03 11:30"))
    fills = [e for e in broker.take_events() if isinstance(e, Executed)]
    assert [(e.order.filled, e.order.status) for e in fills] == [
        (4, Status.SUBMITTED), (8, Status.SUBMITTED), (10, Status.FILLED),
    ]  # fmt: skip


def test_what_ended_and_traded_today_is_found_without_yesterday() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_market_order())
    broker.place(CLIENT, a_ticket(2, tif="DAY", limit_price=FAR))
    today = ny("2019-06-04 00:00")
    advance(broker, ny("2019-06-04 10:30"))
    broker.place(CLIENT, a_market_order(3))
    assert [o.ticket.order_id for o in broker.done_since(START)] == [1, 2, 3]
    assert [o.ticket.order_id for o in broker.done_since(today)] == [3]
    assert [e.perm_id for e in broker.executed_since(today)] == [broker.state.orders[2].perm_id]
