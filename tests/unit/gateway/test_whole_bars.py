"""The desk steps the gateway bar by bar, as a replay reads them: what still runs is judged after the decision."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from trading.gateway.records import Status
from trading.gateway.stepping import advance

from tests.fakes import ny, with_prices
from tests.unit.gateway.paper import CLIENT, FLAT, a_market_order, a_split, broker_on, place_bracket, statuses

ELEVEN, HALF_PAST, NOON = ny("2019-06-03 11:00"), ny("2019-06-03 11:30"), ny("2019-06-03 12:00")
QUARTER_PAST = ny("2019-06-03 11:15")
CRASHED = with_prices(FLAT, ELEVEN, (80, 81, 79, 80))
"""NVDA opens under its stop at 11:00."""


def test_a_stop_waits_for_the_decision_at_whose_instant_the_market_gaps():
    broker = broker_on(CRASHED)
    place_bracket(broker)
    advance(broker, ELEVEN, whole_bars=True)
    assert statuses(broker)[1] is Status.PRE_SUBMITTED
    advance(broker, HALF_PAST, whole_bars=True)
    assert statuses(broker)[1:] == [Status.FILLED, Status.CANCELLED]
    assert (broker.state.executions[-1].price, broker.state.executions[-1].executed_at) == (80, ELEVEN)


def test_a_sale_decided_in_between_takes_the_place_of_the_stop():
    broker = broker_on(CRASHED)
    place_bracket(broker)
    advance(broker, QUARTER_PAST, whole_bars=True)
    for order_id in (2, 3):
        broker.cancel(CLIENT, order_id)
    broker.place(CLIENT, a_market_order(4, action="SELL"))
    advance(broker, NOON, whole_bars=True)
    sale = broker.state.executions[-1]
    assert (sale.price, sale.executed_at) == (100, HALF_PAST), "the bar that ran when it arrived does not fill it"


def test_an_order_that_arrives_at_an_open_meets_it_at_once():
    broker = broker_on(CRASHED)
    advance(broker, ELEVEN, whole_bars=True)
    broker.place(CLIENT, a_market_order())
    assert [e.price for e in broker.state.executions] == [80]


def test_an_opening_order_is_judged_by_the_open_that_was_left_for_later():
    broker = broker_on(FLAT)
    advance(broker, ny("2019-06-03 16:00"), whole_bars=True)
    broker.place(CLIENT, a_market_order(tif="OPG"))
    advance(broker, ny("2019-06-04 09:45"), whole_bars=True)
    assert statuses(broker) == [Status.SUBMITTED]
    advance(broker, ny("2019-06-04 10:30"), whole_bars=True)
    assert [e.executed_at for e in broker.state.executions] == [ny("2019-06-04 09:30")]


def test_an_opening_order_without_an_opening_print_ends_unfilled():
    broker = broker_on([b for b in FLAT if b.starts_at != ny("2019-06-04 09:30")])
    advance(broker, ny("2019-06-03 16:00"), whole_bars=True)
    broker.place(CLIENT, a_market_order(tif="OPG"))
    advance(broker, ny("2019-06-04 10:30"), whole_bars=True)
    assert statuses(broker) == [Status.CANCELLED]


def test_a_bar_that_opens_past_the_target_and_falls_through_the_stop_is_the_stops():
    broker = broker_on(with_prices(FLAT, ELEVEN, (130, 130, 80, 100)))
    place_bracket(broker)
    advance(broker, HALF_PAST, whole_bars=True)
    assert statuses(broker)[1:] == [Status.FILLED, Status.CANCELLED]


def test_the_stop_of_what_a_bar_bought_follows_that_bars_high():
    broker = broker_on(with_prices(FLAT, ELEVEN, (102, 104, 99, 100)))
    advance(broker, ny("2019-06-03 10:45"), whole_bars=True)
    place_bracket(broker, limit="99.50")
    advance(broker, HALF_PAST, whole_bars=True)
    assert broker.state.orders[1].stop_price == Decimal("91.5200")


def test_an_opening_sale_moves_to_the_new_share_basis():
    after = [b for b in FLAT if b.starts_at < ny("2019-06-04 09:30")]
    for bar in FLAT[len(after) :]:
        after += with_prices([bar], bar.starts_at, (25, 25, 25, 25))
    broker = broker_on(after, actions=[a_split(date(2019, 6, 4), 4)])
    broker.place(CLIENT, a_market_order())
    advance(broker, ny("2019-06-03 16:00"), whole_bars=True)
    broker.place(CLIENT, a_market_order(2, action="SELL", tif="OPG"))
    advance(broker, ny("2019-06-04 10:30"), whole_bars=True)
    assert [(e.quantity, e.price) for e in broker.state.executions] == [(10, 100), (40, 25)]
    assert broker.state.holdings["NVDA"].quantity == 0
