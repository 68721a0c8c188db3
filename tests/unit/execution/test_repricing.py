"""What an entry pays while it waits."""

from __future__ import annotations

from decimal import Decimal

import pytest
from trading.domain.market import Quote
from trading.execution.repricing import RepricePolicy, limit_at

from tests.builders import AS_OF

POLICY = RepricePolicy(count=2, wait_seconds=0.0)
WORST = Decimal("100.50")


def a_quote(bid: str | None, ask: str | None) -> Quote:
    shown = {name: None if price is None else Decimal(price) for name, price in {"bid": bid, "ask": ask}.items()}
    return Quote("NVDA", **shown, last=None, quoted_at=AS_OF, is_delayed=False, is_halted=False)


@pytest.mark.parametrize(("attempt", "limit"), [(0, "100.00"), (1, "100.25"), (2, "100.50"), (3, "100.50")])
def test_each_try_moves_from_the_midpoint_towards_the_worst_price(attempt, limit):
    assert limit_at(WORST, a_quote("99.90", "100.10"), attempt=attempt, policy=POLICY) == Decimal(limit)


@pytest.mark.parametrize("quote", [None, a_quote(None, "100.10"), a_quote("99.90", None), a_quote("101.00", "101.20")])
def test_without_a_market_below_it_the_worst_price_stands_at_once(quote):
    assert limit_at(WORST, quote, attempt=0, policy=POLICY) == WORST
