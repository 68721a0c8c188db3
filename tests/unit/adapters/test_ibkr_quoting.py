"""What ticks make of a quote."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from trading.adapters.ibkr.hearing import Ticks
from trading.adapters.ibkr.quoting import quote_of

from tests.fakes import ny

NOW = ny("2019-06-03 10:30")
TRADED_AT = datetime(2019, 6, 3, 14, 14, tzinfo=UTC)
STAMP = str(int(TRADED_AT.timestamp()))


def quote(ticks: Ticks, *, is_stale: bool = False):
    return quote_of("NVDA", ticks, now=NOW, is_stale=is_stale)


def live(**fields) -> Ticks:
    return Ticks(**{"prices": {1: 99.5, 2: 100.5, 4: 100.0}, "numbers": {49: 0.0}, "texts": {45: STAMP}} | fields)


def test_a_live_bid_and_ask_stand_at_this_moment() -> None:
    seen = quote(live())
    assert (seen.bid, seen.ask, seen.last) == (Decimal("99.5"), Decimal("100.5"), Decimal(100))
    assert (seen.quoted_at, seen.is_delayed, seen.is_halted) == (NOW, False, False)


def test_a_last_price_alone_is_as_old_as_its_trade() -> None:
    assert quote(live(prices={1: -1.0, 2: -1.0, 4: 100.0})).quoted_at == TRADED_AT


def test_delayed_ticks_are_as_old_as_the_broker_says() -> None:
    delayed = Ticks({66: 99.5, 67: 100.5, 68: 100.0}, {90: 0.0}, {88: STAMP}, data_type=3)
    assert (quote(delayed).is_delayed, quote(delayed).quoted_at, quote(delayed).is_halted) == (True, TRADED_AT, False)


@pytest.mark.parametrize("ticks", [live(texts={}, data_type=2), Ticks({66: 99.5}, data_type=3)])
def test_an_age_that_nobody_names_is_unknown(ticks: Ticks) -> None:
    assert quote(ticks).quoted_at is None


def test_behind_a_broken_data_farm_only_the_named_time_counts() -> None:
    assert quote(live(), is_stale=True).quoted_at == TRADED_AT


@pytest.mark.parametrize("empty", [math.nan, -1.0, 0.0, math.inf])
def test_no_price_is_none(empty: float) -> None:
    assert quote(live(prices={1: empty, 2: empty, 4: empty})).bid is None


@pytest.mark.parametrize(
    ("value", "is_halted"), [(0.0, False), (1.0, True), (2.0, True), (-1.0, None), (math.nan, None)]
)
@pytest.mark.parametrize("tick", [49, 90])
def test_halts_are_read_live_and_delayed(tick: int, value: float, is_halted: bool | None) -> None:
    assert quote(live(numbers={tick: value})).is_halted is is_halted


def test_silence_makes_a_quote_of_none() -> None:
    seen = quote(Ticks())
    assert (seen.bid, seen.ask, seen.last, seen.quoted_at, seen.is_halted) == (None,) * 5
