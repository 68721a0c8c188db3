"""The simulated broker without sockets: families, bars, expiry, refusals, memory."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from trading.errors import ConfigurationError
from trading.gateway import persistence
from trading.gateway.feed import DailyFeed
from trading.gateway.records import Refusal, Status
from trading.gateway.stepping import advance

from tests.fakes import ACCOUNT, ny, with_prices
from tests.unit.gateway.paper import CLIENT, FLAT, START, a_ticket, broker_on, place_bracket, statuses


def test_nothing_happens_before_the_last_leg_is_transmitted() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(1, transmit=False))
    assert list(broker.live()) == []
    assert broker.take_events() == []


def test_an_order_fills_at_the_open_of_the_present_instant() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(order_type="MKT", limit_price=None, tif="DAY"))
    assert broker.state.executions[0].executed_at == START
    assert broker.state.cash_usd == 99_000


def test_the_rest_of_a_running_bar_is_not_known_yet() -> None:
    broker = broker_on(with_prices(FLAT, START, (100, 100, 90, 95)))
    broker.place(CLIENT, a_ticket(limit_price=Decimal("92.00")))
    assert statuses(broker) == [Status.SUBMITTED]
    advance(broker, ny("2019-06-03 10:59"))
    assert statuses(broker) == [Status.SUBMITTED]
    advance(broker, ny("2019-06-03 11:00"))
    assert statuses(broker) == [Status.FILLED]


def test_the_stop_works_in_the_bar_whose_open_filled_the_entry() -> None:
    broker = broker_on(with_prices(FLAT, START, (100, 100, 80, 85)))
    place_bracket(broker)
    advance(broker, ny("2019-06-03 11:00"))
    assert statuses(broker) == [Status.FILLED, Status.FILLED, Status.CANCELLED]
    assert broker.state.executions[1].price == 88


def test_protection_of_an_entry_filled_inside_a_bar_waits_for_the_next_one() -> None:
    broker = broker_on(with_prices(FLAT, START, (100, 100, 70, 95)))
    place_bracket(broker, limit="95.00")
    advance(broker, ny("2019-06-03 11:00"))
    assert statuses(broker) == [Status.FILLED, Status.PRE_SUBMITTED, Status.SUBMITTED]


def test_the_stop_comes_first_where_a_bar_touches_stop_and_target() -> None:
    broker = broker_on(with_prices(FLAT, ny("2019-06-03 11:00"), (100, 130, 80, 100)))
    place_bracket(broker)
    advance(broker, ny("2019-06-03 11:30"))
    assert statuses(broker) == [Status.FILLED, Status.FILLED, Status.CANCELLED]


def test_a_target_cancels_the_stop() -> None:
    broker = broker_on(with_prices(FLAT, ny("2019-06-03 11:00"), (100, 130, 100, 120)))
    place_bracket(broker)
    advance(broker, ny("2019-06-03 11:30"))
    assert statuses(broker) == [Status.FILLED, Status.CANCELLED, Status.FILLED]


def test_a_trailing_stop_follows_the_high_after_the_bar_is_judged() -> None:
    rising = with_prices(FLAT, ny("2019-06-03 11:00"), (100, 120, 100, 110))
    broker = broker_on(with_prices(rising, ny("2019-06-03 11:30"), (110, 110, 105, 106)))
    place_bracket(broker)
    advance(broker, ny("2019-06-03 11:30"))
    assert broker.state.orders[1].stop_price == Decimal("105.6000")
    advance(broker, ny("2019-06-03 12:00"))
    assert broker.state.executions[-1].price == Decimal("105.6000")


def test_a_jump_over_many_bars_equals_stepping_through_them() -> None:
    bars = with_prices(FLAT, ny("2019-06-04 11:00"), (100, 118, 100, 110))
    bars = with_prices(bars, ny("2019-06-05 13:00"), (110, 111, 90, 100))
    jump, step = broker_on(bars), broker_on(bars)
    for broker in (jump, step):
        place_bracket(broker)
    advance(jump, ny("2019-06-06 10:30"))
    for at in sorted({b.starts_at for b in bars if START < b.starts_at <= ny("2019-06-06 10:30")}):
        advance(step, at)
    assert persistence.as_json(jump.state) == persistence.as_json(step.state)


def test_a_good_till_date_entry_expires_with_its_children() -> None:
    broker = broker_on(FLAT)
    place_bracket(broker, limit="95.00", tif="GTD", good_till=ny("2019-06-03 10:55"))
    advance(broker, ny("2019-06-03 11:00"))
    assert statuses(broker) == [Status.CANCELLED] * 3


def test_the_last_bar_of_an_expiring_order_is_judged_before_it_ends() -> None:
    broker = broker_on(with_prices(FLAT, START, (100, 100, 90, 95)))
    broker.place(CLIENT, a_ticket(limit_price=Decimal("95.00"), tif="GTD", good_till=ny("2019-06-03 10:55")))
    advance(broker, ny("2019-06-03 11:30"))
    assert statuses(broker) == [Status.FILLED]


def test_a_day_order_ends_at_the_close() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(limit_price=Decimal("95.00"), tif="DAY"))
    advance(broker, ny("2019-06-03 15:59"))
    assert statuses(broker) == [Status.SUBMITTED]
    advance(broker, ny("2019-06-03 16:00"))
    assert statuses(broker) == [Status.CANCELLED]


def test_market_on_open_fills_at_the_next_open_only() -> None:
    bars = with_prices(FLAT, ny("2019-06-04 09:30"), (104, 105, 103, 105))
    broker = broker_on(bars)
    broker.place(CLIENT, a_ticket(order_type="MKT", limit_price=None, tif="OPG"))
    assert statuses(broker) == [Status.SUBMITTED]
    advance(broker, ny("2019-06-04 10:30"))
    assert (broker.state.executions[0].price, broker.state.executions[0].executed_at) == (104, ny("2019-06-04 09:30"))


def test_market_on_open_is_gone_when_the_auction_has_no_print() -> None:
    broker = broker_on([b for b in FLAT if b.starts_at != ny("2019-06-04 09:30")])
    broker.place(CLIENT, a_ticket(order_type="MKT", limit_price=None, tif="OPG"))
    advance(broker, ny("2019-06-04 10:30"))
    assert statuses(broker) == [Status.CANCELLED]


def test_a_halted_symbol_does_not_trade_and_resumes() -> None:
    broker = broker_on(with_prices(FLAT, ny("2019-06-03 11:00"), (90, 90, 90, 90)))
    broker.place(CLIENT, a_ticket(limit_price=Decimal("95.00")))
    broker.state.halted.add("NVDA")
    advance(broker, ny("2019-06-03 11:30"))
    assert statuses(broker) == [Status.SUBMITTED]


def test_the_clock_never_moves_back() -> None:
    broker = broker_on(FLAT)
    with pytest.raises(Refusal, match="never moves back"):
        advance(broker, ny("2019-06-03 10:00"))


REFUSED = {
    "fraction": (10243, {"quantity": Decimal("1.5")}),
    "zero": (434, {"quantity": Decimal(0)}),
    "wrong account": (321, {"account": "DU9999999"}),
    "unknown symbol": (200, {"symbol": "NOPE"}),
    "unknown parent": (135, {"parent_id": 99}),
    "price off the tick": (110, {"limit_price": Decimal("100.005")}),
    "limit without a price": (321, {"limit_price": None}),
    "unknown type": (321, {"order_type": "MOC"}),
    "good till date without a date": (321, {"tif": "GTD"}),
}


@pytest.mark.parametrize(("code", "fields"), REFUSED.values(), ids=REFUSED)
def test_what_the_broker_refuses_creates_nothing_and_uses_no_id(code: int, fields: dict) -> None:
    broker = broker_on(FLAT)
    with pytest.raises(Refusal) as refused:
        broker.place(CLIENT, a_ticket(**fields))
    assert refused.value.code == code
    assert (broker.state.orders, broker.next_id(CLIENT)) == ([], 1)


def test_an_id_below_the_highest_seen_is_a_duplicate() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(5, limit_price=Decimal("95.00")))
    with pytest.raises(Refusal, match="Duplicate"):
        broker.place(CLIENT, a_ticket(4))
    broker.place(12, a_ticket(1, limit_price=Decimal("95.00")))
    assert broker.next_id(CLIENT) == 6


def test_a_limit_far_through_the_market_is_left_behind_as_inactive_with_its_children() -> None:
    broker = broker_on(FLAT)
    place_bracket(broker, limit="120.00")
    assert statuses(broker) == [Status.INACTIVE, Status.CANCELLED, Status.CANCELLED]


def test_an_order_that_costs_more_than_the_account_holds_is_refused() -> None:
    broker = broker_on(FLAT, cash_usd=500)
    broker.place(CLIENT, a_ticket())
    assert statuses(broker) == [Status.INACTIVE]


def test_the_same_id_again_changes_the_same_order() -> None:
    broker = broker_on(FLAT)
    broker.place(CLIENT, a_ticket(limit_price=Decimal("95.00")))
    broker.place(CLIENT, a_ticket(limit_price=Decimal("94.00"), quantity=Decimal(7)))
    (order,) = broker.state.orders
    assert (order.ticket.limit_price, order.ticket.quantity) == (94, 7)


def test_cash_and_shares_are_conserved_over_a_round_trip() -> None:
    broker = broker_on(with_prices(FLAT, ny("2019-06-03 11:00"), (100, 130, 100, 120)))
    place_bracket(broker)
    advance(broker, ny("2019-06-03 11:30"))
    traded = sum(e.price * e.quantity * (1 if broker.order(e.perm_id).ticket.action == "SELL" else -1)
                 for e in broker.state.executions)  # fmt: skip
    assert broker.state.cash_usd == 100_000 + traded
    assert broker.state.holdings["NVDA"].quantity == 0


def test_a_stored_state_comes_back_equal(tmp_path) -> None:
    broker = broker_on(FLAT)
    place_bracket(broker)
    broker.state.halted.add("AAPL")
    persistence.save(broker.state, tmp_path / "state.json")
    assert persistence.load(tmp_path / "state.json", account=ACCOUNT) == broker.state
    assert persistence.load(tmp_path / "none.json", account=ACCOUNT) is None


def test_a_state_file_of_another_account_is_refused(tmp_path) -> None:
    persistence.save(broker_on(FLAT).state, tmp_path / "state.json")
    with pytest.raises(ConfigurationError, match="DU2"):
        persistence.load(tmp_path / "state.json", account="DU2")


def test_a_day_that_goes_on_is_read_again() -> None:
    known = FLAT[:2]
    feed = DailyFeed(["NVDA"], lambda symbol, on: [b for b in known if b.starts_at.date() == on])
    assert feed.last_price("NVDA", ny("2019-06-03 10:30")) == 100
    known = [*known, replace(FLAT[2], open=101.0, high=101.0)]
    assert feed.last_price("NVDA", ny("2019-06-03 10:45")) == 101
