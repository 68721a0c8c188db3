"""The canonical form of a value: nine digits, and the same ones whatever the noise of its computation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading.domain.signals import canonical, significant


@given(st.integers(-(10**10), 10**10), st.integers(0, 8), st.sampled_from([1 - 4e-16, 1 + 4e-16, 1 - 1e-15, 1 + 1e-15]))
def test_noise_in_the_last_digits_never_shows_even_between_two_roundings(number, decimals, noise):
    value = number / 10**decimals
    assert significant(value * noise) == significant(value)


def test_an_average_between_two_roundings_is_one_value():
    below, above = np.nextafter(223.8270705, 0), np.nextafter(223.8270705, 300)
    assert len({*canonical(np.array([below, 223.8270705, above])).tolist()}) == 1


def test_what_is_no_number_and_zero_stay():
    got = canonical(np.array([np.nan, np.inf, 0.0, -1.23456789012]))
    assert np.isnan(got[0])
    assert got[1:].tolist() == [np.inf, 0.0, -1.23456789]


@given(st.floats(1e-6, 1e9))
def test_at_most_nine_digits_remain(value):
    assert significant(value) == pytest.approx(value, rel=6e-9)
    assert significant(significant(value)) == significant(value)
