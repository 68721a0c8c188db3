"""Orders go out once: tasks on a real Postgres, ib_insync over a real socket, the real paper gateway."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from trading.adapters.ibkr import IbkrGate
from trading.adapters.ibkr.session import Patience
from trading.domain.orders import Order, OrderPurpose, OrderStatus
from trading.domain.portfolio import TradingState
from trading.errors import OutcomeUnknown, TransientError

from tests.fakes import (
    ACCOUNT,
    ny,
    with_prices,
)
from tests.integration.order_desk import BOOK, desk_on


def test_the_book_opens_with_the_brokers_cash(desk) -> None:
    desk.sync("2019-06-03 10:30")
    assert desk.cash() == Decimal(100_000)
    assert desk.state() is TradingState.ACTIVE


def test_an_entry_that_the_vix_forbids_by_now_is_not_sent(desk) -> None:
    desk.sync("2019-06-03 10:30")
    legs = desk.enter("2019-06-03 10:30")
    desk.facts("2019-06-03 10:30", vix=31.0)
    report = desk.execute("2019-06-03 10:30")
    assert report.counts["sent"] == 0
    assert desk.status(*legs) == [OrderStatus.DENIED] * 3
    assert desk.refs_at_broker() == []


def test_an_entry_fills_and_is_protected(desk) -> None:
    desk.sync("2019-06-03 10:30")
    legs = desk.enter("2019-06-03 10:30")
    report = desk.execute("2019-06-03 10:30")
    assert report.counts["sent"] == 3
    assert desk.status(*legs) == [OrderStatus.FILLED, OrderStatus.SUBMITTED, OrderStatus.SUBMITTED]
    assert desk.held() == {"NVDA": Decimal(99)}
    assert desk.cash() == Decimal(100_000) - 99 * Decimal("100.05") - 1


def test_executing_twice_sends_nothing_more(desk) -> None:
    desk.sync("2019-06-03 10:30")
    desk.enter("2019-06-03 10:30")
    desk.execute("2019-06-03 10:30")
    before, cash = desk.gateway.orders(), desk.cash()
    assert desk.execute("2019-06-03 10:30").counts == {"events": 0, "fills": 0, "commissions": 0, "sent": 0}
    assert (desk.gateway.orders(), desk.cash()) == (before, cash)


def test_a_family_cut_off_before_its_last_leg_is_completed_under_the_same_ids(desk) -> None:
    desk.gateway.tell("fault", message_id=3, fault="close_before", skip=2)
    desk.sync("2019-06-03 10:30")
    legs = desk.enter("2019-06-03 10:30")
    with pytest.raises(TransientError, match="no second order"):
        desk.execute("2019-06-03 10:30")
    desk.execute("2019-06-03 10:30")
    assert [o["ticket"]["order_id"] for o in desk.gateway.orders()] == [1, 2, 3]
    assert desk.status(*legs)[0] is OrderStatus.FILLED


def test_a_swallowed_order_is_unknown_and_never_sent_again(store, bars) -> None:
    with desk_on(store, bars) as desk:
        impatient = Patience(acknowledgement_seconds=0.3)
        gate = IbkrGate("127.0.0.1", desk.gateway.port, 11, ACCOUNT, desk.gateway.control_port, patience=impatient)
        desk.services = replace(desk.services, broker=gate)
        desk.sync("2019-06-03 10:30")
        legs = desk.enter("2019-06-03 10:30")
        for _ in legs:
            desk.gateway.tell("fault", message_id=3, fault="swallow")
        with pytest.raises(OutcomeUnknown):
            desk.execute("2019-06-03 10:30")
        assert desk.execute("2019-06-03 10:30").counts["sent"] == 0
        assert desk.status(*legs) == [OrderStatus.UNKNOWN] * 3
        assert desk.refs_at_broker() == []
        assert desk.state() is TradingState.HALTED


def test_a_sale_of_shares_that_are_not_held_is_never_sent(desk) -> None:
    desk.sync("2019-06-03 10:30")
    sale = desk.sell("2019-06-03 10:30", 5)
    desk.execute("2019-06-03 10:30")
    assert desk.status(sale) == [OrderStatus.DENIED]
    assert desk.refs_at_broker() == []


def test_an_old_decision_sends_nothing(desk) -> None:
    desk.sync("2019-06-03 10:30")
    old = desk.enter("2019-06-03 10:30")
    desk.sync("2019-06-03 11:30")
    desk.enter("2019-06-03 11:30", "AAPL")
    report = desk.execute("2019-06-03 10:30")
    assert report.counts["sent"] == 0
    assert "not the newest" in report.notes[-1]
    assert desk.status(*old) == [OrderStatus.EXPIRED] * 3
    assert desk.refs_at_broker() == []


def test_the_newest_decision_is_not_sent_once_the_next_hour_began(desk) -> None:
    desk.sync("2019-06-03 10:30")
    desk.enter("2019-06-03 10:30")
    desk.gateway.tell("advance", to=ny("2019-06-03 11:30").isoformat())
    assert desk.execute("2019-06-03 10:30").counts["sent"] == 0
    assert desk.refs_at_broker() == []


def test_a_stop_between_hours_closes_the_position_once(store, bars) -> None:
    crash = with_prices([b for b in bars if b.symbol == "NVDA"], ny("2019-06-03 12:00"), (100, 100, 80, 85))
    with desk_on(store, crash) as desk:
        desk.sync("2019-06-03 10:30")
        entry, stop, target = desk.enter("2019-06-03 10:30")
        desk.execute("2019-06-03 10:30")
        for _ in range(2):
            desk.sync("2019-06-03 12:30")
        assert desk.held() == {}
        assert desk.status(entry, stop, target) == [OrderStatus.FILLED, OrderStatus.FILLED, OrderStatus.CANCELLED]
        assert desk.state() is TradingState.ACTIVE
        bought, sold = Decimal("100.05"), Decimal("88.0440") * (1 - Decimal("0.0005"))
        fees = 99 * sold * Decimal("0.0000207") + 99 * Decimal("0.000119")
        assert abs(desk.cash() - (100_000 - 99 * bought + 99 * sold - 2 - fees)) < Decimal("0.01")


def test_a_stop_on_a_day_that_nobody_looked_at_is_booked(store, bars) -> None:
    crash = with_prices([b for b in bars if b.symbol == "NVDA"], ny("2019-06-04 12:00"), (100, 100, 80, 85))
    with desk_on(store, crash) as desk:
        desk.sync("2019-06-03 10:30")
        desk.enter("2019-06-03 10:30")
        desk.execute("2019-06-03 10:30")
        desk.sync("2019-06-06 10:30")
        assert desk.held() == {}
        assert desk.state() is TradingState.ACTIVE


def test_an_entry_that_does_not_fill_expires_with_its_protection(store, bars) -> None:
    dear = [replace(b, open=102.0, high=102.0, low=102.0, close=102.0) for b in bars]
    with desk_on(store, dear) as desk:
        desk.sync("2019-06-03 10:30")
        legs = desk.enter("2019-06-03 10:30")
        desk.execute("2019-06-03 10:30")
        assert desk.status(*legs) == [OrderStatus.SUBMITTED] * 3
        desk.sync("2019-06-03 11:30")
        assert desk.status(*legs) == [OrderStatus.EXPIRED, OrderStatus.CANCELLED, OrderStatus.CANCELLED]


def test_an_exit_cancels_the_protection_before_it_sells(desk) -> None:
    desk.sync("2019-06-03 10:30")
    _, stop, target = desk.enter("2019-06-03 10:30")
    desk.execute("2019-06-03 10:30")
    desk.sync("2019-06-03 11:30")
    sale = desk.sell("2019-06-03 11:30", 99)
    desk.execute("2019-06-03 11:30")
    assert desk.status(stop, target, sale) == [OrderStatus.CANCELLED, OrderStatus.CANCELLED, OrderStatus.FILLED]
    assert desk.held() == {}


def test_a_trim_leaves_protection_for_what_stays(desk) -> None:
    desk.sync("2019-06-03 10:30")
    desk.enter("2019-06-03 10:30")
    desk.execute("2019-06-03 10:30")
    desk.sync("2019-06-03 11:30")
    desk.sell("2019-06-03 11:30", 40, OrderPurpose.TRIM)
    desk.execute("2019-06-03 11:30")
    assert desk.held() == {"NVDA": Decimal(59)}
    live = [o for o in desk.gateway.orders() if o["status"] in ("PreSubmitted", "Submitted")]
    assert [Decimal(o["ticket"]["quantity"]) for o in live] == [59, 59]


def test_an_exit_planned_at_the_close_fills_at_the_next_open(desk) -> None:
    desk.sync("2019-06-03 10:30")
    desk.enter("2019-06-03 10:30")
    desk.execute("2019-06-03 10:30")
    desk.sync("2019-06-03 16:00")
    sale = desk.sell("2019-06-03 16:00", 99)
    desk.execute("2019-06-03 16:00")
    assert desk.status(sale) == [OrderStatus.SUBMITTED]
    desk.sync("2019-06-04 10:30")
    assert desk.status(sale) == [OrderStatus.FILLED]
    assert desk.held() == {}


def test_a_foreign_order_holds_its_symbol_and_not_the_book(desk) -> None:
    from trading.domain.orders import OrderType, Side, TimeInForce
    from trading.ports import ReservedLeg

    desk.sync("2019-06-03 10:30")
    order = Order(
        "someone.else", BOOK, "x", "AAPL", Side.BUY, Decimal(1), OrderType.LIMIT, TimeInForce.GTC,
        OrderPurpose.ENTRY, ny("2019-06-03 10:30"), limit_price=Decimal("91.00"),
    )  # fmt: skip
    with IbkrGate("127.0.0.1", desk.gateway.port, 77, ACCOUNT, None).connect() as stranger:
        stranger.submit([ReservedLeg(order, 1)])
    assert desk.sync("2019-06-03 11:30").degraded
    assert desk.state() is TradingState.ACTIVE
    with desk.services.store.transaction() as tx:
        assert list(tx.controls.holds(BOOK)) == ["AAPL"]


def test_a_halted_book_sends_nothing(desk) -> None:
    desk.sync("2019-06-03 10:30")
    legs = desk.enter("2019-06-03 10:30")
    with desk.services.store.transaction() as tx:
        tx.controls.set_state(BOOK, TradingState.HALTED, reason="test", actor="test")
    desk.execute("2019-06-03 10:30")
    assert desk.status(*legs) == [OrderStatus.DENIED] * 3
    assert desk.refs_at_broker() == []


def test_a_restarted_gateway_keeps_orders_and_positions(store, bars, tmp_path) -> None:
    state_file = tmp_path / "gateway.json"
    with desk_on(store, bars, state_file=state_file) as desk:
        desk.sync("2019-06-03 10:30")
        desk.enter("2019-06-03 10:30")
        desk.execute("2019-06-03 10:30")
        before = desk.gateway.orders()
    with desk_on(store, bars, state_file=state_file) as desk:
        assert desk.gateway.orders() == before
        assert not desk.sync("2019-06-03 11:30").degraded
        desk.enter("2019-06-03 11:30", "AAPL")
        desk.execute("2019-06-03 11:30")
        assert [o["ticket"]["order_id"] for o in desk.gateway.orders()] == [1, 2, 3, 4, 5, 6]
        assert set(desk.held()) == {"NVDA", "AAPL"}


def test_a_commission_that_comes_late_is_booked_by_the_next_sync(desk) -> None:
    desk.sync("2019-06-03 10:30")
    desk.enter("2019-06-03 10:30")
    desk.gateway.tell("commission_delay", seconds=60)
    desk.execute("2019-06-03 10:30")
    assert desk.cash() == Decimal(100_000) - 99 * Decimal("100.05")
    desk.gateway.tell("commission_delay", seconds=0)
    desk.sync("2019-06-03 11:30")
    assert desk.cash() == Decimal(100_000) - 99 * Decimal("100.05") - 1


def test_two_copies_at_once_send_one_family(desk, store) -> None:
    desk.sync("2019-06-03 10:30")
    legs = desk.enter("2019-06-03 10:30")
    with store.order_writer(BOOK), pytest.raises(TransientError, match="another order writer"):
        desk.execute("2019-06-03 10:30")
    desk.execute("2019-06-03 10:30")
    assert desk.refs_at_broker() == [o.order_id for o in legs]


@pytest.mark.parametrize("by", ["the checks", "the next hour"])
def test_a_family_that_was_cut_off_and_may_not_go_any_more_leaves_nothing_behind(desk, by: str) -> None:
    desk.gateway.tell("fault", message_id=3, fault="close_before", skip=2)
    desk.sync("2019-06-03 10:30")
    legs = desk.enter("2019-06-03 10:30")
    with pytest.raises(TransientError):
        desk.execute("2019-06-03 10:30")
    if by == "the checks":
        desk.facts("2019-06-03 10:30", vix=31.0)
        desk.execute("2019-06-03 10:30")
    else:
        desk.sync("2019-06-03 11:30")
    assert desk.status(*legs) == [OrderStatus.EXPIRED] * 3
    assert {o["status"] for o in desk.gateway.orders()} == {"Cancelled"}
    assert desk.state() is TradingState.ACTIVE
