"""The drawdown breaker's way back, and whose state it may lift."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from trading.domain.portfolio import Breaker, TradingState
from trading.engine.breaker import drawdown_frac, raised, turn
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


RULES = replace(
    three_sector().protection, breaker_frac=0.25, reentry_sessions=10, reentry_vix=25.0, lifetime_halt_frac=0.5
)
"""Parts that a float holds exactly, so that a fall can lie just on them."""
ON = date(2019, 6, 18)
ACTIVE, REDUCE_ONLY, HALTED = TradingState.ACTIVE, TradingState.REDUCE_ONLY, TradingState.HALTED


def turned(breaker: Breaker, nav_usd: float, state=ACTIVE, *, new_session=False, vix: float | None = 15.0, **more):
    return turn(
        breaker, state, nav_usd=nav_usd, session_on=ON, is_new_session=new_session, vix=vix, rules=RULES, **more
    )


@pytest.mark.parametrize(
    ("peak", "nav", "fall"),
    [(100.0, 95.0, 0.05), (100.0, 100.0, 0.0), (100.0, 120.0, 0.0), (0.0, 95.0, 0.0), (0.5, 0.25, 0.5)],
)
def test_the_drawdown_is_the_fall_from_the_mark_and_nothing_before_there_is_one(peak, nav, fall):
    assert drawdown_frac(Breaker(peak, 200.0), nav) == pytest.approx(fall)


@pytest.mark.parametrize(
    ("before", "nav", "new_session", "after"),
    [
        # Armed: both marks follow a rise, each its own, and nothing else moves.
        (Breaker(100.0, 120.0), 110.0, False, Breaker(110.0, 120.0)),
        (Breaker(100.0, 120.0), 130.0, True, Breaker(130.0, 130.0)),
        (Breaker(100.0, 120.0), 90.0, True, Breaker(100.0, 120.0)),
        (Breaker(100.0, 100.0), 100.0, False, Breaker(100.0, 100.0)),
        # Tripped: the mark stays, sessions are counted, the lifetime's mark goes on.
        (Breaker(100.0, 120.0, ON, 3), 110.0, False, Breaker(100.0, 120.0, ON, 3)),
        (Breaker(100.0, 120.0, ON, 3), 110.0, True, Breaker(100.0, 120.0, ON, 4)),
        (Breaker(100.0, 120.0, ON, 3), 130.0, False, Breaker(100.0, 130.0, ON, 3)),
        (Breaker(100.0, 120.0, ON, 3), 130.0, True, Breaker(100.0, 130.0, ON, 4)),
    ],
)
def test_marks_follow_a_rise_and_sessions_are_counted_after_a_trip(before, nav, new_session, after):
    assert raised(before, nav, is_new_session=new_session) == after


def test_what_does_not_move_is_the_very_same_record():
    armed, tripped = Breaker(100.0, 120.0), Breaker(100.0, 120.0, ON, 3)
    assert raised(armed, 100.0, is_new_session=True) is armed
    assert raised(tripped, 120.0, is_new_session=False) is tripped


@pytest.mark.parametrize("nav", [75_000.0, 75_000.01, 130_000.0])
def test_a_fall_to_the_limit_or_less_changes_nothing(nav):
    breaker, state, said = turned(Breaker(100_000.0, 100_000.0), nav)
    assert (breaker.tripped_on, state, said) == (None, ACTIVE, None)
    assert breaker.peak_nav_usd == max(nav, 100_000.0)


def test_a_fall_over_the_limit_trips_with_its_day_and_its_sentence():
    breaker, state, said = turned(Breaker(100_000.0, 100_000.0, None, 7), 74_900.0)
    assert breaker == Breaker(100_000.0, 100_000.0, ON, 0)
    assert (state, said) == (REDUCE_ONLY, "drawdown 25.1% is over 25%: REDUCE_ONLY")


def test_a_tripped_breaker_does_not_trip_again():
    tripped = Breaker(100_000.0, 100_000.0, date(2019, 6, 17), 0)
    assert turned(tripped, 60_000.0, REDUCE_ONLY) == (tripped, REDUCE_ONLY, None)


@pytest.mark.parametrize(
    ("sessions", "vix", "lifts"),
    [(10, 24.9, True), (10, 25.0, False), (10, None, False), (9, 15.0, False), (30, 15.0, True)],
)
def test_the_way_back_needs_ten_sessions_and_a_calm_index(sessions, vix, lifts):
    tripped = Breaker(100_000.0, 110_000.0, date(2019, 6, 3), sessions)
    breaker, state, said = turned(tripped, 96_000.0, REDUCE_ONLY, vix=vix)
    if lifts:
        # The mark is re-based to what is left; the lifetime's mark is not.
        assert (breaker, state) == (Breaker(96_000.0, 110_000.0), ACTIVE)
        assert said == f"{sessions} sessions after the trip, VIX {vix:.1f}: ACTIVE"
    else:
        assert (breaker, state, said) == (tripped, REDUCE_ONLY, None)


def test_the_session_that_begins_is_counted_before_the_way_back_is_judged():
    tripped = Breaker(100_000.0, 100_000.0, date(2019, 6, 3), 9)
    assert turned(tripped, 96_000.0, REDUCE_ONLY, new_session=True)[1] is ACTIVE


def test_what_the_breaker_may_not_lift_it_only_arms_again():
    breaker, state, said = turned(Breaker(100_000.0, 110_000.0, ON, 10), 96_000.0, REDUCE_ONLY, may_lift=False)
    assert (breaker, state) == (Breaker(96_000.0, 110_000.0), REDUCE_ONLY)
    assert said == (
        "10 sessions after the trip, VIX 15.0: the breaker is armed again; REDUCE_ONLY stays, "
        "the breaker did not set it"
    )


@pytest.mark.parametrize("tripped_on", [None, date(2019, 6, 3)])
def test_too_far_under_the_highest_ever_halts_for_good(tripped_on):
    before = Breaker(60_000.0, 100_000.0, tripped_on, 2)
    state = ACTIVE if tripped_on is None else REDUCE_ONLY
    breaker, halted, said = turned(before, 49_900.0, state)
    assert (breaker.tripped_on, breaker.lifetime_peak_usd) == (tripped_on or ON, 100_000.0)
    assert (halted, said) == (HALTED, "lifetime drawdown 50.1%: HALTED until an operator resumes")
    assert turned(before, 50_000.0, state)[1] is not HALTED


@pytest.mark.parametrize("state", [HALTED, TradingState.LOCKED])
def test_a_stopped_book_keeps_its_marks_and_its_state(state):
    breaker, after, said = turned(Breaker(100_000.0, 100_000.0), 105_000.0, state)
    assert (breaker, after, said) == (Breaker(105_000.0, 105_000.0), state, None)
    assert turned(Breaker(100_000.0, 100_000.0), 50_000.0, state)[1:] == (state, None)


def test_an_operators_active_after_a_trip_begins_from_what_is_left():
    tripped = Breaker(100_000.0, 100_000.0, date(2019, 6, 3), 4)
    # Within the lifetime's limit its mark stays; beyond it the loss is forgiven, or the next hour would halt again.
    assert turned(tripped, 90_000.0) == (Breaker(90_000.0, 100_000.0), ACTIVE, None)
    assert turned(tripped, 50_000.0) == (Breaker(50_000.0, 100_000.0), ACTIVE, None)
    assert turned(tripped, 49_000.0) == (Breaker(49_000.0, 49_000.0), ACTIVE, None)
