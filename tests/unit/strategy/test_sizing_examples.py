"""Sizing by hand: numbers that a person can check with a pencil."""

from __future__ import annotations

import numpy as np
import pytest
from trading.domain.instruments import Instrument, InstrumentKind, Sector, Universe
from trading.strategy.sizing import allocate, in_order
from trading.strategy.spec import Sizing

SIZING = Sizing()
NAN = float("nan")


def tech(count: int) -> Universe:
    names = (f"S{n:02d}" for n in range(count))
    return Universe(tuple(Instrument(s, Sector.TECH, InstrumentKind.STOCK, s) for s in names))


def weights_of(volatility, held=None):
    count = len(volatility)
    mask = None if held is None else np.array(held)
    return allocate(SIZING, tech(count), np.ones(count, bool), np.array(volatility), held=mask).tolist()


@pytest.mark.parametrize(
    ("volatility", "weights"),
    [
        # The median is 0.3: the calm name has its cap, the other 10 % × 0.3 ÷ 0.4.
        ([0.2, 0.4], [0.10, 0.075]),
        # 10 % × 0.4 ÷ 1.6 is under the floor of 5 %.
        ([0.2, 0.4, 1.6], [0.10, 0.10, 0.05]),
        # What is unknown, or nothing, counts as the median.
        ([0.2, NAN, 0.4], [0.10, 0.10, 0.075]),
        ([0.2, 0.0, 0.4], [0.10, 0.10, 0.075]),
        ([NAN, NAN], [0.10, 0.10]),
        # Five equal names share the sector's 40 %.
        ([0.3] * 5, [0.08] * 5),
    ],
)
def test_weights_follow_the_sectors_median(volatility, weights):
    assert weights_of(volatility) == pytest.approx(weights)


def test_the_most_volatile_newcomer_makes_way_and_what_is_held_stays():
    # 40 % holds eight floors of 5 %, but eight unequal shares of it leave the last one under: seven names fit.
    volatility = [0.30 + n / 100 for n in range(10)]
    assert [n for n, w in enumerate(weights_of(volatility)) if w == 0] == [7, 8, 9]
    held = [n == 9 for n in range(10)]
    assert [n for n, w in enumerate(weights_of(volatility, held)) if w == 0] == [6, 7, 8]


def test_an_unknown_volatility_makes_way_before_a_known_one_and_the_later_name_of_two():
    assert [n for n, w in enumerate(weights_of([NAN, *[0.9] * 9])) if w == 0] == [0, 9]


@pytest.mark.parametrize(
    ("prices", "nav", "free", "chosen"),
    [
        # 10 % of 10,000 is 1,000 and 200 stay cash: 3 × 300, then 4 × 250 take exactly the 1,900 that are left.
        ([300.0, 2_000.0, NAN, 0.0, 250.0, 100.0], 10_000.0, 2_100.0, [0, 4]),
        ([300.0, 250.0], 10_000.0, 2_099.0, [0]),
        ([300.0, 990.0, 100.0], 10_000.0, 2_100.0, [0, 1]),
        ([0.25], 5.0, 1.0, [0]),
        ([300.0], 10_000.0, 200.0, []),
        ([], 10_000.0, 2_100.0, []),
    ],
)
def test_names_are_bought_in_their_order_while_whole_shares_can_be_paid(prices, nav, free, chosen):
    assert in_order(SIZING, np.array(prices), nav_usd=nav, free_usd=free) == chosen
