"""Labels are what the strategy's own stop and target make of an entry, and look no further than their horizon."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trading.domain.models import LabelSpec
from trading.research.labels import triple_barrier, uniqueness

LABEL = LabelSpec(horizon_sessions=5, trail_frac=0.10, take_profit_frac=0.20)


def flat(**changed: dict[int, float]):
    """Return open, high, low, close of ten bars at 100, with some values changed."""
    prices = {name: np.full(10, 100.0) for name in ("open_", "high", "low", "close")}
    for name, values in changed.items():
        for place, value in values.items():
            prices[name][place] = value
    return prices


def label_at_0(**changed):
    found = triple_barrier(**flat(**changed), label=LABEL)
    return found.gain_frac[0], found.held[0]


def test_nothing_happens_until_the_horizon():
    assert label_at_0(close={5: 103.0}, high={5: 103.0}) == (pytest.approx(0.03), 5)


def test_the_target_is_sold_at_its_price_and_a_gap_above_it_at_the_open():
    assert label_at_0(high={2: 121.0}) == (pytest.approx(0.20), 2)
    assert label_at_0(open_={2: 130.0}, high={2: 131.0}) == (pytest.approx(0.30), 2)


def test_the_stop_hangs_under_the_highest_price_since_the_entry():
    assert label_at_0(low={3: 89.0}) == (pytest.approx(-0.10), 3)
    assert label_at_0(high={1: 115.0}, open_={2: 110.0}, low={2: 103.0}) == (pytest.approx(0.035), 2)
    assert label_at_0(open_={3: 80.0}, low={3: 79.0}) == (pytest.approx(-0.20), 3)


def test_a_bars_own_high_does_not_raise_the_stop_that_its_low_meets():
    assert label_at_0(high={1: 110.0}, low={1: 99.0}) == (pytest.approx(0.0), 5)


def test_in_one_bar_the_stop_comes_before_the_target():
    assert label_at_0(high={2: 125.0}, low={2: 85.0}) == (pytest.approx(-0.10), 2)


def test_an_entry_whose_horizon_is_not_over_has_no_label_even_if_it_met_a_barrier():
    found = triple_barrier(**flat(high={9: 150.0}), label=LABEL)
    assert np.isnan(found.gain_frac[5:]).all()
    assert np.isfinite(found.gain_frac[:5]).all()
    assert found.held[5:].tolist() == [0] * 5


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_what_comes_after_the_horizon_changes_no_label(seed):
    draw = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.04, 60)))
    spread = np.abs(draw.normal(0, 0.02, 60))
    bars = {"open_": close * (1 + draw.normal(0, 0.01, 60)), "high": close * (1 + spread), "low": close * (1 - spread)}
    whole = triple_barrier(**bars, close=close, label=LABEL)
    known = 60 - LABEL.horizon_sessions - 20
    for name in bars:
        bars[name] = bars[name].copy()
        bars[name][known + LABEL.horizon_sessions :] = 1e6
    poisoned = triple_barrier(
        **bars, close=np.where(np.arange(60) < known + LABEL.horizon_sessions, close, 1e6), label=LABEL
    )
    assert poisoned.gain_frac[:known].tolist() == whole.gain_frac[:known].tolist()


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
def test_uniqueness_is_what_a_loop_over_bars_says(held):
    expected = []
    for place, bars in enumerate(held):
        shares = []
        for bar in range(place + 1, place + 1 + bars):
            under_way = sum(p + 1 <= bar <= p + b for p, b in enumerate(held))
            shares.append(1 / under_way)
        expected.append(sum(shares) / bars if bars else 0.0)
    assert uniqueness(np.array(held)) == pytest.approx(expected)


def test_labels_that_do_not_overlap_count_in_full():
    assert uniqueness(np.array([2, 0, 2, 0])).tolist() == [1.0, 0.0, 1.0, 0.0]
