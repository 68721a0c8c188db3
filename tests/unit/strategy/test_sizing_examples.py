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


THREE = (("A", Sector.AI), ("M", Sector.METALS), ("T", Sector.TECH))
CROWD = Universe(tuple(Instrument(f"{s}{n}", sector, InstrumentKind.STOCK, s) for s, sector in THREE for n in range(8)))
"""Eight names in each of three sectors: 24 floors of 5 %, where 98 % hold 19."""


def crowded(held="", volatility=None, sizing=SIZING):
    """Return the weights that are not 0, by symbol; `held` names the sectors that the book holds."""
    known = [0.3] * 24 if volatility is None else volatility
    mask = np.array([symbol[0] in held for symbol in CROWD.traded])
    weights = allocate(sizing, CROWD, np.ones(24, bool), np.array(known), held=mask)
    return {symbol: round(weight, 6) for symbol, weight in zip(CROWD.traded, weights.tolist(), strict=True) if weight}


def shares(names: int, weight: float, *sectors: str):
    return {f"{sector}{n}": weight for sector in sectors for n in range(names)}


ALIKE = shares(6, 0.054444, "A", "M", "T")
"""Six of each sector share 98 %: with seven a name would be under the floor."""


@pytest.mark.parametrize(
    ("held", "weights"),
    [
        ("", ALIKE),
        ("AMT", ALIKE),
        # What is held keeps its eight floors of 5 %. Newcomers make way for it, wherever they are: first those that
        # are under the floor themselves, then the last of all, until everything fits without being brought down.
        ("MT", {"A0": 0.1, **shares(8, 0.05, "M", "T")}),
        ("AT", {"M0": 0.1, **shares(8, 0.05, "A", "T")}),
        ("T", {"M0": 0.1, **shares(6, 0.066667, "A"), **shares(8, 0.05, "T")}),
        ("M", {"T0": 0.1, **shares(6, 0.066667, "A"), **shares(8, 0.05, "M")}),
    ],
)
def test_where_the_whole_book_has_too_many_newcomers_make_way_and_later_names_first(held, weights):
    assert crowded(held) == weights


def test_of_newcomers_the_most_volatile_make_way_first_wherever_they_are():
    volatility = [0.31] * 8 + [0.30] * 16
    assert crowded("M", volatility) == {"A0": 0.1, **shares(6, 0.066667, "T"), **shares(8, 0.05, "M")}


def test_without_a_floor_everybody_has_a_share():
    weights = crowded("", sizing=Sizing(asset_floor_frac=0.0))
    assert list(weights.values()) == [pytest.approx(0.98 / 24, abs=1e-6)] * 24
