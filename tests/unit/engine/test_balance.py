"""When a book is rebalanced, and what a rebalance orders."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from trading.domain.orders import OrderPurpose, OrderStatus, Side
from trading.domain.panel import Why
from trading.domain.portfolio import Balance, Breaker, TradingState
from trading.engine.balance import QUARTER, WAITED, due
from trading.engine.desk_view import prices_of
from trading.engine.rebalance import rebalance_step
from trading.engine.state import Hour, Step
from trading.engine.step import step

from tests.unit.engine.test_step import CORE, ON, a_book, hours_of, rising_world


@pytest.fixture(scope="module")
def hours() -> list[Hour]:
    return [priced(hour) for hour in hours_of(rising_world(ON, ON))]


def priced(hour: Hour) -> Hour:
    """Return the hour with every name at a fresh price."""
    price = np.where(np.isfinite(hour.panel.price), hour.panel.price, 100.0)
    fresh = np.full(price.shape, Why.KNOWN, np.int8)
    return replace(hour, panel=replace(hour.panel, price=price, why_price=fresh, daily_priced=price * 0))


@pytest.fixture(scope="module")
def second(hours) -> Hour:
    return hours[1]


def taken(state, nav: float = 100_000.0) -> Step:
    return Step(state, (), (), nav, None, lambda _: None)


def held(hour: Hour, cash: float, **weights: float):
    """A book of 100,000 USD that holds `weights` of it."""
    prices = prices_of(hour)
    return a_book(cash, **{s: (int(w * 100_000 / prices[s]), prices[s]) for s, w in weights.items()})


def with_vix(hour: Hour, rise: float) -> Hour:
    shape = hour.panel.vix.shape
    known = np.full(shape, Why.KNOWN, np.int8)
    return replace(hour, panel=replace(hour.panel, vix_change_frac=np.full(shape, rise), why_vix=known))


def aiming(state, **aims: float):
    return replace(state, balance=replace(state.balance, aims=aims))


def test_the_first_hour_of_a_quarter_rebalances_what_holds_something(second):
    quarter = replace(second, starts_quarter=True)
    assert due(CORE, taken(held(second, 90_000, GLD=0.1)), quarter) == QUARTER
    assert due(CORE, taken(a_book()), quarter) is None
    in_order = replace(CORE, sizing=replace(CORE.sizing, rule="in_order"))
    assert due(in_order, taken(held(second, 90_000, GLD=0.1)), quarter) is None


@pytest.mark.parametrize(("aim", "shifts"), [(0.10, False), (0.149, False), (0.152, True), (0.045, True)])
def test_a_sector_over_five_points_from_where_it_was_brought_is_a_shift(second, aim, shifts):
    reason = due(CORE, taken(aiming(held(second, 90_000, GLD=0.1), GLD=aim)), second)
    assert (reason is not None) is shifts
    assert reason is None or "precious_metals" in reason


def test_a_name_whose_aim_is_unknown_tells_no_drift(second):
    assert due(CORE, taken(held(second, 90_000, GLD=0.1)), second) is None


def test_a_sector_over_its_most_is_a_shift_whatever_was_aimed_at(second):
    state = aiming(held(second, 50_000, GLD=0.25, NEM=0.22), GLD=0.25, NEM=0.22)
    assert "over 45%" in due(CORE, taken(state), second)


@pytest.mark.parametrize(("rise", "shifts"), [(0.40, False), (0.41, True), (float("nan"), False)])
def test_a_vix_that_jumps_is_a_shift(second, rise, shifts):
    state = aiming(held(second, 90_000, GLD=0.1), GLD=0.1)
    assert (due(CORE, taken(state), with_vix(second, rise)) is not None) is shifts


@pytest.mark.parametrize(("since", "shifts"), [(None, True), (0, False), (4, False), (5, True)])
def test_a_shift_rests_for_five_sessions_after_a_rebalance(second, since, shifts):
    state = replace(held(second, 90_000, GLD=0.1), balance=Balance({"GLD": 0.2}, since))
    assert (due(CORE, taken(state), second) is not None) is shifts


@pytest.mark.parametrize("state", [TradingState.REDUCE_ONLY, TradingState.HALTED, TradingState.LOCKED])
def test_a_book_that_may_not_trade_is_not_shifted(second, state):
    book = replace(aiming(held(second, 90_000, GLD=0.1), GLD=0.2), trading_state=state)
    assert due(CORE, taken(book), second) is None


def test_no_shift_is_acted_upon_at_the_close(hours):
    assert due(CORE, taken(aiming(held(hours[-1], 90_000, GLD=0.1), GLD=0.2)), hours[-1]) is None


@pytest.mark.parametrize(("since", "reason"), [(0, WAITED), (1, WAITED), (2, None)])
def test_buys_wait_for_the_next_hour_and_lapse_after_a_session(hours, since, reason):
    state = replace(held(hours[1], 90_000, GLD=0.1), balance=Balance({"GLD": 0.1}, since, buys_wait=True))
    assert due(CORE, taken(state), hours[1]) == reason
    assert due(CORE, taken(state), hours[-1]) is None


# --- the orders ---------------------------------------------------------------------------------


def test_a_trim_goes_alone_and_the_top_up_an_hour_later(hours):
    first = rebalance_step(CORE, held(hours[0], 81_500, GLD=0.125, NEM=0.06), hours[0], "r1")
    assert [(o.symbol, o.purpose) for o in first.orders] == [("GLD", OrderPurpose.REBALANCE)]
    assert first.state.balance.buys_wait
    assert first.state.balance.aims["GLD"] == pytest.approx(0.1, abs=0.01)
    later = rebalance_step(CORE, first.state, hours[1], "r2")
    assert [(o.symbol, o.side) for o in later.orders if not o.is_protective] == [("NEM", Side.BUY)]
    assert (later.state.balance.buys_wait, later.state.balance.sessions_since) == (False, 0)


def test_without_a_trim_the_top_up_goes_at_once(second):
    (entry, *guards) = rebalance_step(CORE, held(second, 94_000, GLD=0.06), second, "r1").orders
    assert (entry.symbol, entry.purpose) == ("GLD", OrderPurpose.ENTRY)
    assert [g.quantity for g in guards] == [entry.quantity] * 2
    assert float(entry.quantity * entry.limit_price) <= 0.042 * 100_000


def test_a_gap_that_is_not_worth_it_is_left(second):
    assert rebalance_step(CORE, held(second, 91_500, GLD=0.085), second, "r1").orders == ()


def test_a_top_up_is_cut_to_the_cash_above_the_buffer_or_denied_with_the_numbers(second):
    prices = prices_of(second)
    rich = held(
        second, 0, AAPL=0.09, MSFT=0.09, TSLA=0.09, NVDA=0.09, AMD=0.09, NEM=0.09, AEM=0.09, SLV=0.09, BOTZ=0.09
    )
    some = replace(rich, portfolio=replace(rich.portfolio, cash_usd=Decimal(5_000)))
    some = with_position(some, "GLD", int(2_000 / prices["GLD"]), prices["GLD"])
    cut = rebalance_step(CORE, some, second, "r1")
    bought = [o for o in cut.orders if o.side is Side.BUY]
    nav = cut.nav_usd
    assert sum(float(o.quantity * o.limit_price) for o in bought) <= 5_000 - 0.02 * nav
    poor = replace(some, portfolio=replace(some.portfolio, cash_usd=Decimal(100)))
    denied = rebalance_step(CORE, poor, second, "r2")
    assert [o for o in denied.orders if o.side is Side.BUY] == []
    assert {v.code for v in denied.vetoes if v.denials} <= {"NO_CASH", "GROSS_CAP", "SECTOR_CAP"}
    assert denied.vetoes


def with_position(state, symbol: str, shares: int, price: float):
    more = a_book(0, **{symbol: (shares, price)}).portfolio.positions
    return replace(state, portfolio=replace(state.portfolio, positions={**state.portfolio.positions, **more}))


def test_only_what_is_held_is_bought(second):
    orders = rebalance_step(CORE, held(second, 94_000, GLD=0.06), second, "r1").orders
    assert {o.symbol for o in orders} == {"GLD"}


def test_no_top_up_goes_while_the_book_may_only_reduce(second):
    book = replace(held(second, 94_000, GLD=0.06), trading_state=TradingState.REDUCE_ONLY)
    done = rebalance_step(CORE, book, second, "r1")
    assert done.orders == ()
    assert [v.code for v in done.vetoes if v.denials] == ["STATE"]


# --- the breaker sells all, half or nothing -------------------------------------------------------


@pytest.mark.parametrize(("sells", "part"), [("all", 1.0), ("half", 0.5), ("none", 0.0)])
def test_a_trip_sells_what_is_configured(second, sells, part):
    spec = replace(CORE, protection=replace(CORE.protection, breaker_exit=sells))
    book = replace(held(second, 81_000, GLD=0.08), breaker=Breaker(100_000, 100_000))
    shares = book.held["GLD"]
    tripped = step(spec, book, second, "d1")
    assert tripped.state.trading_state is TradingState.REDUCE_ONLY
    assert float(sum(o.quantity for o in tripped.orders)) == pytest.approx(float(shares) * part, abs=0.5)
    assert all(o.cause == "drawdown_breaker" for o in tripped.orders)


def test_half_is_sold_once(hours):
    spec = replace(CORE, protection=replace(CORE.protection, breaker_exit="half"))
    book = replace(held(hours[0], 81_000, GLD=0.08), breaker=Breaker(100_000, 100_000))
    tripped = step(spec, book, hours[0], "d1")
    again = step(spec, tripped.state, hours[1], "d2")
    assert [o for o in again.orders if o.side is Side.SELL] == []
    assert all(o.status is OrderStatus.PLANNED for o in tripped.orders)
