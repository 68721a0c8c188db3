"""Returns of months, years and crisis windows."""

from __future__ import annotations

from datetime import date
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading.accounting.periods import CRISES, Stretch, monthly_returns, stretch_returns, yearly_returns

DAYS = np.arange(np.datetime64("2018-09-03"), np.datetime64("2020-02-20"))


def curve(seed: int) -> np.ndarray:
    steps = np.random.default_rng(seed).normal(0.0, 0.01, len(DAYS))
    return np.concatenate([[100.0], 100.0 * np.cumprod(1.0 + steps)])


@given(st.integers(0, 50))
def test_months_and_years_compound_to_the_whole(seed):
    equity = curve(seed)
    total = equity[-1] / equity[0]
    months, years = monthly_returns(DAYS, equity), yearly_returns(DAYS, equity)
    assert prod(1 + r for r in months.values()) == pytest.approx(total)
    assert prod(1 + r for r in years.values()) == pytest.approx(total)
    assert (min(months), max(months)) == ((2018, 9), (2020, 2))
    assert years[2019] == pytest.approx(prod(1 + r for (year, _), r in months.items() if year == 2019) - 1)


def test_a_month_begins_at_the_close_before_it():
    equity = np.array([100.0, 110.0, 121.0, 121.0])
    days = np.array(["2024-01-30", "2024-01-31", "2024-02-01"], dtype="datetime64[D]")
    assert monthly_returns(days, equity) == {(2024, 1): pytest.approx(0.21), (2024, 2): pytest.approx(0.0)}


def test_nothing_has_no_months():
    assert monthly_returns(np.array([], dtype="datetime64[D]"), np.array([100.0])) == {}


def test_a_stretch_has_its_return_and_its_own_drawdown():
    days = np.array(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"], dtype="datetime64[D]")
    equity = np.array([100.0, 200.0, 150.0, 90.0, 180.0])
    inside = Stretch("two days", date(2024, 1, 3), date(2024, 1, 4))
    assert stretch_returns(days, equity, inside) == (pytest.approx(-0.55), pytest.approx(0.55))
    assert stretch_returns(days, equity, Stretch("longer", date(2024, 1, 3), date(2024, 2, 4))) is None


def test_only_crises_that_the_range_covers_are_told():
    covered = [s.name for s in CRISES if stretch_returns(DAYS, curve(1), s) is not None]
    assert covered == [CRISES[0].name]
