from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading.domain.instruments import Sector
from trading.domain.money import whole_shares
from trading.strategy.sizing import allocate
from trading.strategy.spec import Sizing
from trading.strategy.three_sector import UNIVERSE

from tests.oracles import oracle

SIZING = Sizing()
SECTORS = UNIVERSE.sectors
SIZE = len(SECTORS)
masks = st.lists(st.booleans(), min_size=SIZE, max_size=SIZE).map(np.array)
volatilities = st.lists(st.floats(0.01, 3.0) | st.just(float("nan")), min_size=SIZE, max_size=SIZE).map(np.array)


def test_weights_and_whole_shares_are_those_of_the_oracle():
    for case in oracle("allocation_cases.json")["cases"]:
        qualifies = np.array([s in case["eligible"] for s in UNIVERSE.traded])
        weights = allocate(SIZING, qualifies, np.full(SIZE, np.nan), SECTORS)
        chosen = {s: w for s, w in zip(UNIVERSE.traded, weights, strict=True) if w > 0}
        assert chosen == pytest.approx(case["expected_weights"]), case["id"]
        shares = {s: whole_shares(w * case["nav"], case["prices"][s]) for s, w in chosen.items()}
        assert shares == case["expected_shares"], case["id"]


@given(qualifies=masks, volatility=volatilities)
def test_weights_stay_in_their_caps_and_the_rest_stays_cash(qualifies, volatility):
    weights = allocate(SIZING, qualifies, volatility, SECTORS)
    assert (weights >= 0).all()
    assert (weights[~qualifies] == 0).all()
    assert weights.max(initial=0) <= SIZING.asset_cap_frac + 1e-12
    assert weights.sum() <= 1 - SIZING.cash_buffer_frac + 1e-12
    for sector in Sector:
        assert weights[[s is sector for s in SECTORS]].sum() <= SIZING.sector_cap_frac + 1e-12


@given(qualifies=masks, volatility=volatilities)
def test_a_more_volatile_name_is_never_larger_in_its_sector(qualifies, volatility):
    weights = allocate(SIZING, qualifies, volatility, SECTORS)
    for a in range(SIZE):
        for b in range(SIZE):
            same = SECTORS[a] is SECTORS[b] and qualifies[a] and qualifies[b]
            if same and volatility[a] > volatility[b]:
                assert weights[a] <= weights[b] + 1e-12


@given(qualifies=masks, volatility=volatilities, scale=st.floats(0.1, 10))
def test_only_relative_volatility_counts(qualifies, volatility, scale):
    one = allocate(SIZING, qualifies, volatility, SECTORS)
    assert allocate(SIZING, qualifies, volatility * scale, SECTORS) == pytest.approx(one)
