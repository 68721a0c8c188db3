"""Each long has one live stop and one live target for exactly its shares, whatever happened to them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from trading.adapters.ibkr import IbkrGate
from trading.adapters.ibkr.session import Patience
from trading.domain.market import ActionKind, CorporateAction
from trading.domain.orders import OrderPurpose, OrderStatus
from trading.domain.portfolio import TradingState
from trading.errors import OutcomeUnknown
from trading.gateway.feed import DailyFeed

from tests.builders import an_origin
from tests.fakes import ACCOUNT, flat_bars, half_hours, ny, running_gateway, with_prices
from tests.integration.order_desk import BOOK, MONDAY, Desk, desk_on, services_at

LIVE = ("PreSubmitted", "Submitted")
FIRST, SECOND, THIRD = "2019-06-03 10:30", "2019-06-03 11:30", "2019-06-03 12:30"


def at_work(desk: Desk) -> list[dict]:
    """Orders that the broker works; one that it holds back for the rest of its family is none."""
    return [o for o in desk.gateway.orders() if o["status"] in LIVE and not o["is_staged"]]


def guards(desk: Desk, symbol: str = "NVDA") -> dict[str, Decimal]:
    """Shares that each live sale of the symbol guards at the broker, by order type; fails on two of a type."""
    live = [o for o in at_work(desk) if o["ticket"]["symbol"] == symbol]
    sales = [o for o in live if o["ticket"]["action"] == "SELL"]
    found = {o["ticket"]["order_type"]: Decimal(o["ticket"]["quantity"]) - Decimal(o["filled"]) for o in sales}
    assert len(found) == len(sales), f"two live sales of one type: {sales}"
    return found


def both(shares: int) -> dict[str, Decimal]:
    return {"TRAIL": Decimal(shares), "LMT": Decimal(shares)}


def enter(desk: Desk, at: str = FIRST) -> tuple:
    desk.sync(at)
    legs = desk.enter(at)
    desk.execute(at)
    return legs


def cancel_at_broker(desk: Desk, *orders) -> None:
    """Let the broker's own hand cancel orders."""
    with desk.services.store.transaction() as tx:
        ids = [tx.orders.intents([o.order_id])[o.order_id].reserved_id for o in orders]
    with desk.services.broker.connect() as broker:
        broker.cancel(ids)


def stop_price(desk: Desk) -> Decimal:
    live = [o for o in at_work(desk) if o["ticket"]["order_type"] == "TRAIL"]
    return Decimal(live[0]["stop_price"])


def test_a_position_that_is_guarded_needs_no_repair(desk) -> None:
    enter(desk)
    assert desk.sync(SECOND).counts["repaired"] == 0
    assert guards(desk) == both(99)


def test_b06_after_a_partial_fill_and_the_entrys_end_the_filled_part_is_guarded(desk) -> None:
    desk.gateway.tell("partial", symbol="NVDA", shares=40)
    entry, *_ = enter(desk)
    desk.gateway.tell("partial", symbol="NVDA", shares=0)
    desk.sync(SECOND)
    assert desk.held() == {"NVDA": Decimal(40)}
    assert desk.status(entry) == [OrderStatus.EXPIRED]
    assert guards(desk) == both(40)


@pytest.mark.parametrize("gone", [(1,), (2,), (1, 2)], ids=["the stop", "the target", "both"])
def test_protection_that_the_broker_cancelled_is_placed_anew(desk, gone) -> None:
    legs = enter(desk)
    cancel_at_broker(desk, *(legs[n] for n in gone))
    desk.sync(SECOND)
    assert guards(desk) == both(99)
    assert not desk.sync(THIRD).degraded
    assert desk.state() is TradingState.ACTIVE


def test_a_new_stop_never_stands_below_where_the_lost_one_stood(store, bars) -> None:
    mine = [b for b in bars if b.symbol == "NVDA"]
    later = [replace(b, open=110.0, high=110.0, low=110.0, close=110.0) for b in mine if b.starts_at > ny(FIRST)]
    rise = with_prices([*mine[:3], *later], ny("2019-06-03 11:00"), (110, 120, 110, 110))
    with desk_on(store, rise) as desk:
        legs = enter(desk)
        desk.sync(SECOND)
        assert stop_price(desk) == Decimal("105.6000"), "12 % under 120, which no hourly price has shown"
        cancel_at_broker(desk, *legs[1:])
        desk.sync("2019-06-03 11:30")
        assert guards(desk) == both(99)
        assert stop_price(desk) == Decimal("105.6000")


def test_a_new_target_stands_where_the_entrys_stood(desk) -> None:
    legs = enter(desk)
    cancel_at_broker(desk, *legs[1:])
    desk.sync(SECOND)
    live = [o["ticket"] for o in at_work(desk)]
    assert [Decimal(t["limit_price"]) for t in live if t["order_type"] == "LMT"] == [legs[2].limit_price]


def test_a_new_target_that_sells_a_part_at_once_leaves_the_rest_guarded(desk) -> None:
    legs = enter(desk)
    cancel_at_broker(desk, *legs[1:])
    desk.gateway.tell("partial", symbol="NVDA", shares=60)
    desk.gateway.tell("quote", symbol="NVDA", bid="130.00", ask="130.10", last="130.00")
    desk.sync(SECOND)
    left = int(desk.held().get("NVDA", 0))
    assert left < 99, "the target sold a part"
    assert guards(desk) == (both(left) if left else {})


def test_an_exit_that_the_broker_rejects_leaves_the_position_guarded(desk) -> None:
    enter(desk)
    desk.sync(SECOND)
    sale = desk.sell(SECOND, 99)
    desk.gateway.tell("reject", code=201, text="Order rejected - reason: test")
    desk.execute(SECOND)
    assert desk.status(sale) == [OrderStatus.REJECTED]
    assert guards(desk) == both(99)


def test_an_exit_that_finds_no_auction_leaves_the_position_guarded_again(desk) -> None:
    enter(desk)
    desk.sync("2019-06-03 16:00")
    sale = desk.sell("2019-06-03 16:00", 99)
    desk.gateway.tell("halt", symbol="NVDA", is_halted=True)
    desk.execute("2019-06-03 16:00")
    assert guards(desk) == {"MKT": Decimal(99)}
    desk.sync("2019-06-04 10:30")
    assert desk.status(sale)[0] in (OrderStatus.EXPIRED, OrderStatus.CANCELLED)
    assert guards(desk) == both(99)


@pytest.mark.parametrize("lost_leg", [1, 2], ids=["the stop", "the target"])
def test_a_family_of_which_one_leg_was_swallowed_leaves_no_unguarded_share(store, bars, lost_leg) -> None:
    with desk_on(store, bars) as desk:
        hasty = Patience(acknowledgement_seconds=0.3)
        gate = IbkrGate("127.0.0.1", desk.gateway.port, 11, ACCOUNT, desk.gateway.control_port, patience=hasty)
        desk.services = replace(desk.services, broker=gate)
        desk.gateway.tell("fault", message_id=3, fault="swallow", skip=lost_leg)
        desk.sync(FIRST)
        legs = desk.enter(FIRST)
        with pytest.raises(OutcomeUnknown):
            desk.execute(FIRST)
        held = desk.held().get("NVDA", Decimal(0))
        assert guards(desk) == (both(int(held)) if held else {})
        assert desk.status(legs[lost_leg]) == [OrderStatus.UNKNOWN]


def test_protection_is_repaired_while_the_book_is_halted_but_not_while_it_is_locked(desk) -> None:
    legs = enter(desk)
    for state, expected in ((TradingState.LOCKED, {}), (TradingState.HALTED, both(99))):
        with desk.services.store.transaction() as tx:
            tx.controls.set_state(BOOK, state, reason="test", actor="test")
        if state is TradingState.LOCKED:
            cancel_at_broker(desk, *legs[1:])
        desk.sync(SECOND)
        assert guards(desk) == expected


def test_a_stop_that_the_broker_left_without_a_position_is_called_back(desk) -> None:
    _, stop, target = enter(desk)
    desk.sync(SECOND)
    desk.sell(SECOND, 99)
    desk.execute(SECOND)
    assert guards(desk) == {}
    assert desk.status(stop, target) == [OrderStatus.CANCELLED] * 2


def test_a_trim_that_is_rejected_leaves_every_share_guarded(desk) -> None:
    enter(desk)
    desk.sync(SECOND)
    desk.sell(SECOND, 40, OrderPurpose.TRIM)
    desk.facts(SECOND)
    with desk.services.store.transaction() as tx:
        (trim,) = [o for o in tx.orders.unsent(BOOK)]
    desk.gateway.tell("fault", message_id=3, fault="swallow", skip=2)
    hasty = Patience(acknowledgement_seconds=0.3)
    gate = IbkrGate("127.0.0.1", desk.gateway.port, 11, ACCOUNT, desk.gateway.control_port, patience=hasty)
    desk.services = replace(desk.services, broker=gate)
    with pytest.raises(OutcomeUnknown):
        desk.execute(SECOND)
    assert desk.status(trim) == [OrderStatus.UNKNOWN]
    assert guards(desk) == both(99)


def an_action(kind: ActionKind, value: float) -> CorporateAction:
    return CorporateAction("NVDA", kind, date(2019, 6, 4), value, "test", ny("2019-05-21 12:00"))


@contextmanager
def desk_with(store, action: CorporateAction, price_after: float):
    """A desk and a broker that both hear of an action in time; the price after its ex-date."""
    bars = flat_bars("NVDA", MONDAY, 1)
    for session_on in (date(2019, 6, 4), date(2019, 6, 5)):
        bars += half_hours("NVDA", ny(f"{session_on} 09:30"), [(price_after,) * 4] * 13)
    feed = DailyFeed({"NVDA"}, lambda symbol, on: [b for b in bars if b.starts_at.date() == on], lambda *_: [action])
    with store.transaction() as tx:
        tx.market.add_actions([action], an_origin())
    with running_gateway(feed, ny("2019-06-03 09:30")) as gateway:
        yield Desk(services_at(store, gateway), gateway)


def test_a_split_moves_the_book_and_a_new_family_guards_the_new_shares(store) -> None:
    with desk_with(store, an_action(ActionKind.SPLIT, 4.0), 25.0) as desk:
        _, stop, target = enter(desk)
        desk.sync("2019-06-03 16:00")
        report = desk.sync("2019-06-04 10:30")
        assert desk.held() == {"NVDA": Decimal(396)}
        assert desk.state() is TradingState.ACTIVE, report.notes
        assert desk.status(stop, target) == [OrderStatus.CANCELLED] * 2
        assert guards(desk) == both(396)
        assert Decimal("20") < stop_price(desk) < Decimal("23")
        assert desk.sync("2019-06-04 11:30").counts["repaired"] == 0


def test_a_split_that_leaves_part_of_a_share_ends_in_whole_shares(store) -> None:
    with desk_with(store, an_action(ActionKind.SPLIT, 1.5), 66.0) as desk:
        enter(desk)
        report = desk.sync("2019-06-04 10:30")
        assert desk.held() == {"NVDA": Decimal(148)}
        assert desk.state() is TradingState.ACTIVE, report.notes
        assert guards(desk) == both(148)


def test_a_split_that_the_broker_does_not_show_yet_is_explained_and_nothing_is_placed(desk) -> None:
    enter(desk)
    with desk.services.store.transaction() as tx:
        tx.market.add_actions([an_action(ActionKind.SPLIT, 4.0)], an_origin())
    report = desk.sync("2019-06-04 10:30")
    assert desk.held() == {"NVDA": Decimal(396)}
    assert desk.state() is TradingState.ACTIVE
    assert any("99 of 396 shares" in note for note in report.notes)
    assert guards(desk) == {}


def test_b19_a_dividend_is_booked_once_on_its_ex_date_and_the_cash_ties(store) -> None:
    with desk_with(store, an_action(ActionKind.DIVIDEND, 0.16), 100.0) as desk:
        enter(desk)
        for at in ("2019-06-04 10:30", "2019-06-04 11:30"):
            desk.sync(at)
        with desk.services.broker.connect() as broker:
            theirs = broker.snapshot(BOOK).cash_usd
        assert desk.cash() == Decimal(100_000) - 99 * Decimal("100.05") - 1 + Decimal("15.84")
        assert abs(desk.cash() - theirs) < Decimal("0.01")
        assert guards(desk) == both(99)


def test_protection_is_renewed_in_the_last_session_before_its_broker_cancels_it(store) -> None:
    with desk_on(store, flat_bars("NVDA", date(2019, 6, 28), 97), "2019-06-28 09:30") as desk:
        _, stop, target = enter(desk, "2019-06-28 10:30")
        assert desk.sync("2019-09-27 16:00").counts["repaired"] == 0
        assert desk.sync("2019-09-30 10:30").counts["repaired"] == 4, "two cancelled, two placed"
        assert desk.status(stop, target) == [OrderStatus.CANCELLED] * 2
        assert guards(desk) == both(99)
        assert desk.sync("2019-10-02 10:30").counts["repaired"] == 0
        assert guards(desk) == both(99)


def test_protection_that_the_broker_cancelled_while_nobody_looked_is_placed_anew(store) -> None:
    with desk_on(store, flat_bars("NVDA", date(2019, 6, 28), 97), "2019-06-28 09:30") as desk:
        enter(desk, "2019-06-28 10:30")
        report = desk.sync("2019-10-02 10:30")
        assert guards(desk) == both(99)
        assert desk.state() is TradingState.ACTIVE, report.notes
