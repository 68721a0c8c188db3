"""What the night compares: calendars, closes, and days against splits."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from trading.analysis.cross_checks import calendar_differences, disagreement_bps, session_moves
from trading.analysis.jumps import shows_split
from trading.domain.market import SessionNotice

from tests.builders import an_action
from tests.fakes import WeekdayCalendar, ny
from tests.unit.analysis.worlds import daily_series

MONDAY, FRIDAY = date(2026, 11, 23), date(2026, 11, 27)
THURSDAY = date(2026, 11, 26)
CALENDAR = WeekdayCalendar(holidays=frozenset({THURSDAY}), half_days=frozenset({FRIDAY}))
AGREED = {THURSDAY: SessionNotice(THURSDAY, None), FRIDAY: SessionNotice(FRIDAY, ny("2026-11-27 13:00"))}


def differing(notices):
    sessions = {s.session_on: s for s in CALENDAR.sessions(MONDAY, FRIDAY)}
    return calendar_differences(sessions, notices, MONDAY, FRIDAY + timedelta(days=2))


def test_a_calendar_and_notices_that_agree_are_silent_about_weekends_too():
    assert differing(AGREED) == {}


@pytest.mark.parametrize(
    ("changes", "on", "words"),
    [
        ({MONDAY: SessionNotice(MONDAY, None)}, MONDAY, "counts as closed to entries"),
        ({MONDAY: SessionNotice(MONDAY, ny("2026-11-23 12:00"))}, MONDAY, "entries end with the earlier"),
        ({FRIDAY: SessionNotice(FRIDAY, ny("2026-11-27 12:00"))}, FRIDAY, "entries end with the earlier"),
        ({FRIDAY: None}, FRIDAY, "half day in the calendar and not announced"),
        ({THURSDAY: None}, THURSDAY, "holiday in the calendar and not announced"),
        ({THURSDAY: SessionNotice(THURSDAY, ny("2026-11-26 13:00"))}, THURSDAY, "announced is an early close"),
    ],
)
def test_each_way_of_differing_has_its_sentence(changes, on, words):
    notices = {day: notice for day, notice in {**AGREED, **changes}.items() if notice is not None}
    found = differing(notices)
    assert list(found) == [on]
    assert words in found[on]


@pytest.mark.parametrize(("ours", "theirs", "bps"), [(100.0, 101.0, 100.0), (100.0, 100.0, 0.0), (100.0, 0.0, None)])
def test_closes_are_compared_in_basis_points_and_no_price_is_none(ours, theirs, bps):
    assert disagreement_bps(ours, theirs) == (None if bps is None else pytest.approx(bps))


@pytest.mark.parametrize(
    ("opened", "ratio", "is_shown"),
    [(25.0, 4.0, True), (28.0, 4.0, True), (100.0, 4.0, False), (100.0, 1.25, True), (1000.0, 0.1, True)],
)
def test_a_split_shows_within_a_fifth_of_its_ratio(opened, ratio, is_shown):
    assert shows_split(100.0, opened, ratio) is is_shown


def moves(closes, splits=()):
    series = daily_series("NVDA", np.array(closes), last_on=FRIDAY)
    return session_moves(series, {s.ex_on: s for s in splits}, first_on=date(2026, 11, 1))


def test_a_jump_counts_until_the_price_comes_back_or_a_person_believes_it():
    assert moves([100.0, 100.0, 50.0]).unexplained(believed_until=None) is not None
    assert moves([100.0, 50.0, 100.0]).unexplained(believed_until=None) is None
    assert moves([100.0, 100.0, 50.0]).unexplained(believed_until=ny("2026-11-28 12:00")) is None
    assert moves([100.0, 100.0, 70.0]).unexplained(believed_until=None) is None, "a third off happens"


def test_a_split_explains_its_jump_and_one_to_come_is_not_judged():
    day = daily_series("NVDA", np.array([1.0, 1.0, 1.0]), last_on=FRIDAY).starts_at[-1].astype("datetime64[D]").item()
    shown = moves([100.0, 100.0, 50.0], [an_action(ex_on=day, value=2.0)])
    assert shown.unexplained(believed_until=None) is None
    assert [seen.is_seen for seen in shown.splits] == [True]
    later = moves([100.0, 100.0, 100.0], [an_action(ex_on=day + timedelta(days=9), value=2.0)])
    assert later.splits == ()
    doubted = moves([100.0, 100.0, 100.0], [an_action(ex_on=day, value=2.0)])
    assert doubted.doubted() is not None
