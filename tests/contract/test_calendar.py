"""The calendar against golden answers, and the weeks that break naive schedules."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from trading.adapters.market_calendar import FIRST_ON, LAST_ON, NyseCalendar
from trading.domain.market import Session
from trading.errors import DataRejected

NEW_YORK = ZoneInfo("America/New_York")
ORACLE = Path(__file__).parents[3] / "shared" / "oracles" / "calendar_expected.json"


@pytest.fixture(scope="module")
def oracle() -> dict:
    if not ORACLE.exists():
        pytest.skip("the golden calendar answers lie beside the checkout (../shared/oracles) and are not here")
    return json.loads(ORACLE.read_text())


@pytest.fixture
def calendar() -> NyseCalendar:
    return NyseCalendar()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def as_of_times(calendar: NyseCalendar, on: date) -> list[str]:
    """Walk the slots of a day through the port, in UTC clock time."""
    session = calendar.session(on)
    assert session is not None
    found, at = [], session.closes_at
    while (slot := calendar.latest_slot(at)).session_on == on:
        found.append(f"{slot.as_of:%H:%M}")
        at = slot.starts_at
    return found[::-1]


def is_half_day(session: Session) -> bool:
    return session.closes_at - session.opens_at < timedelta(hours=6, minutes=30)


def describe(calendar: NyseCalendar, at: datetime) -> dict:
    """Answer the questions of one oracle case."""
    on = at.astimezone(NEW_YORK).date()
    session = calendar.session(on)
    upcoming = session if session and at < session.opens_at else calendar.next_session(on)
    answer = {"is_session": session is not None, "is_open": False, "next_open_utc": upcoming.opens_at}
    if session:
        answer |= {
            "is_open": session.opens_at <= at < session.closes_at,
            "session_open_utc": session.opens_at,
            "session_close_utc": session.closes_at,
            "half_day": is_half_day(session),
        }
        if answer["is_open"]:
            answer["minutes_to_close"] = int((session.closes_at - at).total_seconds() // 60)
    return answer


def test_every_golden_case_is_answered(calendar: NyseCalendar, oracle: dict) -> None:
    asked = 0
    for case in oracle["cases"]:
        expected = {
            key: utc(value) if key.endswith("_utc") else value
            for key, value in case.items()
            # The last column stands on a clock-anchored grid, which the desk refuses.
            if key not in {"utc", "new_york", "last_complete_hour_bar_end_utc"}
        }
        assert describe(calendar, utc(case["utc"])) == expected, case["new_york"]
        asked += 1
    assert asked > 10


def test_holidays_and_half_days_of_2026_are_the_golden_ones(calendar: NyseCalendar, oracle: dict) -> None:
    sessions = calendar.sessions(date(2026, 1, 1), date(2026, 12, 31))
    open_days = {session.session_on for session in sessions}
    weekdays = {date.fromordinal(n) for n in range(date(2026, 1, 1).toordinal(), date(2027, 1, 1).toordinal())}
    closed = sorted(day.isoformat() for day in weekdays if day.weekday() < 5 and day not in open_days)
    assert closed == oracle["weekday_holidays_2026"]
    assert [s.session_on.isoformat() for s in sessions if is_half_day(s)] == oracle["half_days_2026"]


def test_hours_move_in_utc_when_new_york_changes_its_clock(calendar: NyseCalendar) -> None:
    assert as_of_times(calendar, date(2024, 3, 8))[0] == "15:30"
    assert as_of_times(calendar, date(2024, 3, 11)) == ["14:30", "15:30", "16:30", "17:30", "18:30", "19:30", "20:00"]
    assert as_of_times(calendar, date(2024, 11, 1))[-1] == "20:00"
    assert as_of_times(calendar, date(2024, 11, 4))[-1] == "21:00"


def test_thanksgiving_week_has_a_holiday_and_a_half_day(calendar: NyseCalendar) -> None:
    week = calendar.sessions(date(2024, 11, 25), date(2024, 11, 29))
    assert [s.session_on.day for s in week] == [25, 26, 27, 29]
    assert calendar.session(date(2024, 11, 28)) is None
    assert as_of_times(calendar, date(2024, 11, 29)) == ["15:30", "16:30", "17:30", "18:00"]


def test_the_half_hour_before_the_close_is_the_closing_slot(calendar: NyseCalendar) -> None:
    closing = calendar.latest_slot(utc("2019-06-03T20:00Z"))
    assert (closing.starts_at, closing.is_closing) == (utc("2019-06-03T19:30Z"), True)
    assert calendar.slot_at(utc("2019-06-03T14:30Z")).is_closing is False


def test_a_monday_before_the_open_looks_back_to_friday(calendar: NyseCalendar) -> None:
    slot = calendar.latest_slot(utc("2019-06-10T14:29:59Z"))
    assert slot.as_of == utc("2019-06-07T20:00Z")


@pytest.mark.parametrize("text", ["2019-06-03T14:00Z", "2019-06-03T13:30Z", "2019-06-02T14:30Z", "2019-06-03T20:30Z"])
def test_only_the_end_of_a_session_hour_is_a_slot(calendar: NyseCalendar, text: str) -> None:
    assert calendar.slot_at(utc(text)) is None


def test_a_date_outside_the_calendar_is_refused_not_guessed(calendar: NyseCalendar) -> None:
    with pytest.raises(DataRejected, match="covers"):
        calendar.session(date(FIRST_ON.year - 1, 6, 3))


def test_the_table_of_closed_days_is_what_the_library_knows():
    exchange_calendars = pytest.importorskip("exchange_calendars")
    library = exchange_calendars.get_calendar("XNYS", start=str(FIRST_ON), end=str(LAST_ON))
    theirs = [
        (day.date(), row.open.to_pydatetime(), row.close.to_pydatetime())
        for day, row in zip(library.schedule.index, library.schedule.itertuples(), strict=True)
    ]
    ours = [(s.session_on, s.opens_at, s.closes_at) for s in NyseCalendar().sessions(FIRST_ON, LAST_ON)]
    assert ours == theirs
