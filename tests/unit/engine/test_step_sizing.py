"""What a whole step buys: inside the caps at the worst price, blind to scale, order of names and bystanders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading.analysis.facts import utc64
from trading.domain.fills import Lot
from trading.domain.instruments import BookId, BookKind, Instrument, InstrumentKind, Sector, Universe
from trading.domain.orders import OrderPurpose, Side
from trading.domain.panel import panel_of
from trading.domain.portfolio import Portfolio, Position
from trading.engine.hours import Terms
from trading.engine.state import BookState, Hour, Step
from trading.engine.step import step
from trading.strategy import rules
from trading.strategy.judging import judge
from trading.strategy.spec import Sizing, StrategySpec

from tests.unit.analysis.worlds import timeline_between

BOOK = BookId(BookKind.REPLAY, "sizing")
ON = date(2024, 6, 12)
SIZING = Sizing()
NOISE = 1e-9
"""A busy machine is no reason to fail."""
CASH_USD = 400_000


@dataclass(frozen=True)
class Name:
    """A name of a small market.

    Attributes:
        shares: held. enters, leaves: what the rules say. volatility: annualised; None where unknown.
    """

    symbol: str
    sector: Sector
    price: float
    volatility: float | None
    enters: bool
    leaves: bool
    shares: int


prices = st.decimals(5, 400, places=2).map(float)
volatilities = st.sampled_from([None, 0.2, 0.3]) | st.floats(0.05, 1.5)


@st.composite
def markets(draw):
    count = draw(st.integers(1, 24))
    return [
        Name(
            f"S{n:02d}", draw(st.sampled_from(Sector)), draw(prices), draw(volatilities), draw(st.booleans()),
            draw(st.booleans()), draw(st.sampled_from([0, 0, 0, 50])),
        )
        for n in range(count)
    ]  # fmt: skip


def taken(names: list[Name], *, cash: float = CASH_USD) -> Step:
    """Return what a strategy of one entry and one exit rule does with a book in these names."""
    spec = StrategySpec(
        name="sizing", label="sizing",
        universe=Universe(tuple(Instrument(n.symbol, n.sector, InstrumentKind.STOCK, n.symbol) for n in names)),
        peers={}, entry_required=(rules.golden_cross,), entry_optional=(), exits=(rules_above_70,), blocks=(),
    )  # fmt: skip
    timeline = timeline_between(ON, ON)
    slot = timeline.slots[1]
    panel = panel_of(
        np.array([utc64(slot.as_of)]),
        spec.universe.traded,
        price=_row(n.price for n in names),
        daily_priced=np.zeros((1, len(names))),
        sma_50=_row(2.0 if n.enters else 1.0 for n in names),
        sma_200=_row(1.5 for _ in names),
        rsi_14=_row(80.0 if n.leaves else 50.0 for n in names),
        volatility_frac=_row(np.nan if n.volatility is None else n.volatility for n in names),
        vix=np.array([[15.0]]),
    )
    hour = replace_row(timeline.hour(1, panel, judge(spec, panel), Terms()))
    return step(spec, BookState(Portfolio(BOOK, slot.as_of, Decimal(str(cash)), dict(_positions(names)))), hour, "d1")


def rules_above_70(panel):
    return rules.rsi_above(panel, threshold=70.0)


def replace_row(hour: Hour) -> Hour:
    """Return the hour on a panel that has no other."""
    return replace(hour, row=0)


def _row(values) -> np.ndarray:
    return np.array([list(values)], dtype=float)


def _positions(names: list[Name]):
    for n in names:
        if n.shares:
            lot = Lot(
                f"l.{n.symbol}", BOOK, n.symbol, Decimal(n.shares), Decimal(str(n.price)), Decimal(0), ON, ON, "f"
            )
            yield n.symbol, Position(n.symbol, (lot,), n.price)


def targets(step_taken: Step) -> dict[str, float]:
    return dict(step_taken.account.targets.weight_frac)


def buys(step_taken: Step):
    return [order for order in step_taken.orders if order.side is Side.BUY]


@given(names=markets())
def test_no_cap_breaks_when_everything_fills_at_its_worst_price(names):
    done = taken(names)
    nav, worth = done.nav_usd, {n.symbol: n.shares * n.price for n in names}
    sector_of = {n.symbol: n.sector for n in names}
    for order in buys(done):
        worth[order.symbol] += float(order.quantity * order.limit_price)
    spent = sum(float(order.quantity * order.limit_price) for order in buys(done))
    for order in buys(done):
        assert order.quantity >= 1
        assert order.quantity == order.quantity.to_integral_value()
        assert worth[order.symbol] <= (SIZING.asset_cap_frac + NOISE) * nav
        of_sector = sum(usd for s, usd in worth.items() if sector_of[s] is sector_of[order.symbol])
        assert of_sector <= (SIZING.sector_cap_frac + NOISE) * nav
        assert sum(worth.values()) <= (1 - SIZING.cash_buffer_frac + NOISE) * nav
        assert CASH_USD - spent >= (SIZING.cash_buffer_frac - NOISE) * nav
    weights = targets(done)
    assert min(weights.values(), default=0.0) >= 0.0
    assert sum(weights.values()) <= 1 - SIZING.cash_buffer_frac + NOISE


@given(names=markets())
def test_nothing_held_is_topped_up_and_what_is_sold_stays_cash(names):
    done = taken(names)
    held = {n.symbol for n in names if n.shares}
    assert held & {order.symbol for order in buys(done)} == set()
    without_signals = taken([replace(n, enters=False) for n in names])
    assert buys(without_signals) == []
    sold = {order.symbol for order in done.orders if order.purpose is OrderPurpose.RULE_EXIT}
    assert sold == {n.symbol for n in names if n.shares and n.leaves}
    assert sold & set(targets(done)) == set()


@given(names=markets())
def test_of_two_names_with_the_same_signal_the_more_volatile_one_is_not_larger(names):
    weights = targets(taken([replace(n, shares=0, enters=True, leaves=False) for n in names]))
    known = [n for n in names if n.volatility is not None]
    for calm in known:
        for wild in known:
            if calm.sector is wild.sector and calm.volatility < wild.volatility:
                assert weights.get(wild.symbol, 0.0) <= weights.get(calm.symbol, 0.0) + NOISE


@given(names=markets())
def test_prices_twice_as_high_change_no_weight(names):
    none_held = [replace(n, shares=0) for n in names]
    dearer = [replace(n, price=2 * n.price) for n in none_held]
    assert targets(taken(dearer)) == targets(taken(none_held))
    rich = [replace(n, price=2 * n.price) for n in names]
    assert targets(taken(rich, cash=2 * CASH_USD)) == pytest.approx(targets(taken(names)))


@given(names=markets(), data=st.data())
def test_the_order_of_the_names_changes_no_target(names, data):
    assert targets(taken(data.draw(st.permutations(names)))) == targets(taken(names))


@given(names=markets(), others=st.lists(st.tuples(st.sampled_from(Sector), prices, volatilities), max_size=5))
def test_names_that_do_not_qualify_change_no_target_and_no_order(names, others):
    bystanders = [
        Name(f"X{n}", sector, price, volatility, enters=False, leaves=False, shares=0)
        for n, (sector, price, volatility) in enumerate(others)
    ]
    alone, beside = taken(names), taken([*bystanders, *names])
    assert targets(beside) == targets(alone)
    assert beside.orders == alone.orders
