"""The drawdown breaker's way back, and whose state it may lift."""

from __future__ import annotations

from datetime import date

import pytest
from trading.domain.portfolio import Breaker, TradingState
from trading.engine.breaker import turn
from trading.strategy.three_sector import three_sector

TRIPPED = Breaker(100_000.0, 100_000.0, date(2019, 6, 3), sessions_since_trip=10)


def after_the_wait(state: TradingState, *, may_lift: bool):
    rules = three_sector().protection
    return turn(
        TRIPPED, state, nav_usd=95_000.0, session_on=date(2019, 6, 18), is_new_session=False, vix=15.0, rules=rules,
        may_lift=may_lift,
    )  # fmt: skip


def test_r04_the_breaker_lifts_what_it_set():
    breaker, state, said = after_the_wait(TradingState.REDUCE_ONLY, may_lift=True)
    assert (breaker.tripped_on, state) == (None, TradingState.ACTIVE)
    assert said.endswith("ACTIVE")


def test_r04_an_operators_reduce_only_outlives_the_breakers_way_back():
    breaker, state, said = after_the_wait(TradingState.REDUCE_ONLY, may_lift=False)
    assert (breaker.tripped_on, state) == (None, TradingState.REDUCE_ONLY)
    assert "REDUCE_ONLY stays" in said


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.LOCKED])
def test_a_stopped_book_is_never_lifted(state):
    assert after_the_wait(state, may_lift=True)[1] is state
