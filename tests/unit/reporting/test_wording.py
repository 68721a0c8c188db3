"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from trading.reporting import wording

NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("word", "value", "said"),
    [
        (wording.change, 14.012, f"+1,401.2{NBSP}%"),
        (wording.change, -0.0735, f"\u22127.3{NBSP}%"),
        (wording.change, -0.0001, f"0.0{NBSP}%"),
        (wording.percent, 0.339, f"33.9{NBSP}%"),
        (wording.fall, 0.131, f"\u221213.1{NBSP}%"),
        (wording.fall, 0.0, f"0.0{NBSP}%"),
        (wording.ratio, -0.034, "\u22120.03"),
        (wording.whole, 12_656.0, "12,656"),
        (wording.gain, -2_289.4, "\u22122,289"),
        (wording.probability, 0.9549, "0.955"),
        (wording.points, 0.084, "+8.4"),
        (wording.tick, 0.5, "0.5"),
        (wording.tick_percent, -0.2, f"\u221220{NBSP}%"),
    ],
)
def test_numbers_have_separators_and_a_real_minus(word, value, said):
    assert word(value) == said


def test_one_is_not_many():
    assert [wording.counted(n, "trial") for n in (0, 1, 1_200)] == ["0 trials", "1 trial", "1,200 trials"]


@pytest.mark.parametrize("word", [wording.change, wording.percent, wording.fall, wording.ratio, wording.whole])
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_not_known_is_a_dash(word, value):
    assert word(value) == "\u2013"
