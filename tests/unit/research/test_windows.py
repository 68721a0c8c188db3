"""Walk-forward windows never train on what they test, nor on the sessions just before it."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.searches import Plan, SearchKind, Window
from trading.errors import ConfigurationError
from trading.research.windows import windows_of
from trading.tasks.research import months_of

CALENDAR = NyseCalendar()


def a_plan(first_on=date(2018, 1, 1), last_on=date(2019, 12, 31), **changes) -> Plan:
    return Plan(SearchKind.WALK_FORWARD, "technical_core", first_on, last_on, (), **changes)


def windows(plan: Plan) -> tuple[Window, ...]:
    return windows_of(plan, months_of(CALENDAR, plan.first_on, plan.last_on))


@given(
    st.integers(1, 9),
    st.integers(1, 6),
    st.integers(0, 15),
    st.booleans(),
    st.dates(date(2017, 1, 1), date(2018, 6, 1)),
    st.integers(530, 900),
)
def test_windows_keep_apart_what_they_train_and_test_on(train, test, embargo, is_anchored, first_on, days):
    last_on = first_on + timedelta(days=days)
    plan = a_plan(
        first_on, last_on, train_months=train, test_months=test, embargo_sessions=embargo, is_anchored=is_anchored
    )
    found = windows(plan)
    sessions = [s.session_on for s in CALENDAR.sessions(first_on, last_on)]
    at = {on: number for number, on in enumerate(sessions)}
    assert found
    for window in found:
        assert at[window.train_first_on] <= at[window.train_last_on]
        assert at[window.test_first_on] - at[window.train_last_on] == embargo + 1
        assert at[window.test_first_on] <= at[window.test_last_on]
        assert window.test_first_on.month != sessions[at[window.test_first_on] - 1].month
    for earlier, later in pairwise(found):
        assert at[later.test_first_on] == at[earlier.test_last_on] + 1
        assert (later.train_first_on == earlier.train_first_on) == is_anchored


def test_windows_are_whole_months_without_those_that_are_cut():
    first, *_, last = windows(
        a_plan(date(2018, 1, 10), date(2019, 12, 20), train_months=6, test_months=3, embargo_sessions=5)
    )
    assert first == Window(0, date(2018, 2, 1), date(2018, 7, 24), date(2018, 8, 1), date(2018, 10, 31))
    assert (last.number, last.test_last_on) == (4, date(2019, 10, 31)), "November alone fills no test"


def test_a_month_that_begins_with_a_holiday_is_whole():
    assert windows(a_plan(date(2018, 1, 2), train_months=1, test_months=1))[0].train_first_on == date(2018, 1, 2)


def test_a_plain_search_is_one_stretch():
    assert windows(a_plan()) == (Window(0, date(2018, 1, 1), date(2019, 12, 31)),)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"train_months": 24, "test_months": 6}, "holds 24 of the 30 whole months that one window needs"),
        ({"train_months": 1, "test_months": 6, "embargo_sessions": 30}, "leaves nothing of 21 to train on"),
        ({"train_months": 0, "test_months": 6}, "at least one month each"),
        ({"train_months": 3, "test_months": 0}, "at least one month each"),
        ({"train_months": 3, "test_months": 3, "embargo_sessions": -1}, "0 sessions or more"),
    ],
)
def test_windows_that_cannot_be_cut_have_their_sentence(changes, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        windows(a_plan(**changes))
