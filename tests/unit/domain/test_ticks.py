"""Prices and shares from whole numbers are those of `Decimal`, in the middle between two of them, too."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st
from trading.domain.money import from_ticks, to_price, to_ticks, whole_shares
from trading.domain.orders import Side
from trading.execution.costs import CostModel
from trading.execution.matching import market_ticks

PRICES = st.one_of(
    st.floats(1e-4, 1e8),
    st.integers(1, 10**9).map(lambda n: n / 100),
    st.integers(1, 10**9).map(lambda n: (2 * n + 1) / 20_000),
)
FRACS = st.one_of(st.just(0.0005), st.floats(0, 0.1))


@given(price=PRICES)
@example(price=0.00005)
@example(price=1.00015)
def test_a_price_in_ticks_is_the_price(price):
    assert from_ticks(to_ticks(price)) == to_price(price)


@given(price=PRICES, frac=FRACS, side=st.sampled_from(Side))
@example(price=0.1, frac=0.0005, side=Side.BUY)
@example(price=0.3, frac=0.0005, side=Side.SELL)
def test_an_order_at_the_market_slips_as_every_other(price, frac, side):
    costs = CostModel(half_spread_frac=frac)
    assert from_ticks(market_ticks(price, side, "AAA", costs)) == costs.slipped(to_price(price), side, "AAA")


@given(price=PRICES, shares=st.integers(0, 100_000), beside=st.sampled_from([0.0, 1e-12, -1e-12, 0.3]))
def test_whole_shares_are_counted_exactly(price, shares, beside):
    budget = price * shares * (1 + beside)
    exact = int(Decimal(repr(budget)) / Decimal(repr(price))) if budget > 0 else 0
    assert whole_shares(budget, price) == exact
