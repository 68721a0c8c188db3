"""A replay small enough to be checked with a pencil: one entry, a trailing stop, a gap through it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import Resolution
from trading.domain.orders import OrderPurpose
from trading.engine.hours import Terms
from trading.engine.replay import replay
from trading.execution.costs import CostModel
from trading.strategy.three_sector import technical_core

from tests.builders import navs_by
from tests.fakes import ny
from tests.unit.analysis.worlds import rising_world, timeline_between

FIRST, LAST = date(2024, 6, 12), date(2024, 6, 13)
BOOK = BookId(BookKind.REPLAY, "pencil")


def flat_but_for(facts, **places):
    """Return the world with GLD's half hours at 100.00, but for (open, high, low, close) from a bar of `places` on."""
    key = ("GLD", Resolution.HALF_HOUR)
    series = facts.bars[key]
    prices = {name: np.full(len(series), 100.0) for name in ("open", "high", "low", "close")}
    for at, values in places.items():
        row = int(np.searchsorted(series.starts_at, np.datetime64(ny(at[1:].replace("_", " ")).replace(tzinfo=None))))
        for name, value in zip(prices, values, strict=True):
            prices[name][row] = value
            prices[name][row + 1 :] = values[3]
    return replace(facts, bars={**facts.bars, key: replace(series, **prices)})


@pytest.fixture(scope="module")
def result():
    facts = flat_but_for(
        rising_world(FIRST, LAST),
        **{"@2024-06-12_12:00": (100.0, 110.0, 100.0, 110.0), "@2024-06-13_09:30": (95.0, 96.0, 94.0, 95.0)},
    )
    costs = CostModel(fees=lambda *sale: Decimal(0))
    terms = {"book": BOOK, "cash_usd": Decimal(100_000), "terms": Terms(), "costs": costs}
    return replay(technical_core(), facts, timeline_between(FIRST, LAST), **terms)


def test_a_tenth_is_bought_at_most_half_a_percent_above_the_last_price(result):
    entry, stop, target = result.orders
    # 10,000 USD ÷ 100.50 = 99.5 shares; the target stands a quarter above the last price.
    assert (entry.symbol, entry.limit_price, entry.quantity) == ("GLD", Decimal("100.50"), Decimal(99))
    assert entry.planned_at == ny("2024-06-12 10:30")
    assert (stop.purpose, stop.trail_frac) == (OrderPurpose.STOP, 0.12)
    assert (target.purpose, target.limit_price) == (OrderPurpose.TARGET, Decimal("125.00"))


def test_it_fills_at_the_open_of_the_next_bar_and_leaves_at_the_open_that_gaps_through_the_stop(result):
    bought, sold = result.fills
    # The open of 100.00 and half a spread of 5 bp, which is still under the limit.
    assert (bought.executed_at, bought.price) == (ny("2024-06-12 10:30"), Decimal("100.05"))
    # The high of 110 lifted the stop to 96.80; the open of 95.00 lies below it and pays half a spread too.
    assert (sold.executed_at, sold.price) == (ny("2024-06-13 09:30"), Decimal("94.9525"))
    assert [fill.commission_usd for fill in result.fills] == [Decimal("1.00"), Decimal("1.00")]


def test_cash_and_nav_follow_to_the_cent(result):
    nav = {at: (nav, cash) for at, nav, cash, _ in navs_by(result)}
    assert nav[ny("2024-06-12 10:30")] == (100_000.0, 100_000.0)
    # 100,000 − 99 × 100.05 − 1.00 in cash, and 99 shares at 100.00, then at 110.00.
    assert nav[ny("2024-06-12 11:30")] == pytest.approx((99_994.05, 90_094.05), abs=1e-9)
    assert nav[ny("2024-06-12 12:30")] == pytest.approx((100_984.05, 90_094.05), abs=1e-9)
    # 90,094.05 + 99 × 94.9525 − 1.00
    assert nav[ny("2024-06-13 10:30")] == pytest.approx((99_493.3475, 99_493.3475), abs=1e-9)
    assert result.final.portfolio.cash_usd == Decimal("99493.3475")


def test_what_was_sold_at_a_loss_is_not_bought_again(result):
    assert result.hours_open["GLD"] > 8
    assert set(result.denials) <= {"WASH_BLOCK", "MARKET_CLOSED"}
    assert result.denials["WASH_BLOCK"] > 0
