"""Orders end when their time is over, not when a later bar happens to show it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from trading.analysis.facts import Facts
from trading.domain.market import Resolution
from trading.domain.orders import OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.domain.portfolio import Portfolio
from trading.engine.expiry import without_expired, without_missed_auctions
from trading.engine.market import Traffic
from trading.engine.state import BookState
from trading.engine.tape import Tape

from tests.builders import AS_OF, BOOK, a_bar, an_order, series_of

HOUR = timedelta(hours=1)
CLOSE = AS_OF + timedelta(hours=5, minutes=30)
OPEN = AS_OF - HOUR


def tape(*starts, resolution=Resolution.HOUR) -> Tape:
    bars = [a_bar(starts_at=at, resolution=resolution) for at in starts]
    return Tape.of(Facts({("NVDA", resolution): series_of("NVDA", resolution, bars)}), ["NVDA"], daily_pricing=True)


def entry(**overrides):
    return an_order(
        time_in_force=TimeInForce.UNTIL, planned_at=AS_OF, expires_at=AS_OF + timedelta(minutes=25), **overrides
    )


def sale(time_in_force=TimeInForce.DAY):
    return an_order(
        side=Side.SELL,
        purpose=OrderPurpose.EXIT,
        order_type=OrderType.MARKET,
        limit_price=None,
        time_in_force=time_in_force,
        expires_at=None,
        planned_at=AS_OF,
    )


def book(*orders) -> BookState:
    return BookState(Portfolio(BOOK, AS_OF, Decimal(1_000)), working=orders)


def expire(state, at, bars):
    traffic = Traffic()
    return without_expired(state, at, bars, traffic, closes_at=CLOSE), [
        (e.status, e.happened_at) for e in traffic.events
    ]


def test_an_entry_on_hourly_bars_does_not_keep_its_symbol_for_another_hour():
    after, events = expire(book(entry()), AS_OF + HOUR, tape(AS_OF))
    assert after.working == ()
    assert events == [(OrderStatus.EXPIRED, AS_OF + timedelta(minutes=25))]


def test_an_entry_whose_bar_still_runs_is_judged_by_that_bar_first():
    daily = tape(AS_OF, resolution=Resolution.DAY)
    assert expire(book(entry()), AS_OF + HOUR, daily)[0].working != ()
    assert expire(book(entry()), CLOSE + HOUR, daily)[0].working == ()


def test_protection_that_waits_for_an_entry_ends_with_it():
    first = entry()
    stop = an_order(side=Side.SELL, purpose=OrderPurpose.STOP, leg=1, parent_id=first.order_id, expires_at=None)
    after, events = expire(book(first, stop), AS_OF + HOUR, tape(AS_OF))
    assert after.working == ()
    assert [status for status, _ in events] == [OrderStatus.EXPIRED, OrderStatus.CANCELLED]


@pytest.mark.parametrize(("at", "is_over"), [(CLOSE - HOUR / 2, False), (CLOSE, True)])
def test_a_day_order_without_bars_ends_at_the_close(at, is_over):
    after, events = expire(book(sale()), at, tape(OPEN))
    assert (after.working == ()) is is_over
    assert events == ([(OrderStatus.EXPIRED, CLOSE)] if is_over else [])


@pytest.mark.parametrize(("first_bar_at", "is_over"), [(OPEN, False), (OPEN + HOUR / 2, True)])
def test_a_market_on_open_order_meets_the_opening_print_or_nothing(first_bar_at, is_over):
    traffic = Traffic()
    state = book(sale(TimeInForce.OPENING))
    after = without_missed_auctions(state, OPEN, tape(first_bar_at), traffic)
    assert (after.working == ()) is is_over
    assert [e.happened_at for e in traffic.events] == ([OPEN] if is_over else [])
