"""What people type after an option: read, or refused in a sentence."""

from __future__ import annotations

import argparse
from datetime import date

import pytest
from trading.entrypoints import arguments


def test_what_is_meant_is_read():
    assert arguments.day("2026-06-01") == date(2026, 6, 1)
    assert (arguments.natural("0"), arguments.positive("1"), arguments.cash_usd("100000")) == (0, 1, 100_000)


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (arguments.instant, "2026-06-01", "'2026-06-01' is no instant; write it as 2026-06-01T14:30+00:00"),
        (arguments.instant, "2026-06-01T14:30", "'2026-06-01T14:30' has no time zone; end it with +00:00 for UTC"),
        (arguments.tax_year, "1800", "'1800' is no year from 1990 to 2100"),
        (arguments.day, "June", "'June' is no date; write it as 2026-06-01"),
        (arguments.natural, "-1", "'-1' is no whole number of 0 or more"),
        (arguments.positive, "x", "'x' is no whole number of 1 or more"),
        (arguments.cash_usd, "0", "'0' is no whole number from 1 to 1,000,000,000"),
        (arguments.cash_usd, "1e9", "'1e9' is no whole number from 1 to 1,000,000,000"),
    ],
)
def test_what_is_not_understood_says_what_is(read, text, sentence):
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        read(text)
    assert str(refused.value) == sentence
