"""Which runs exist: holidays, half days and both daylight-saving weeks, for the scheduler, a backfill and a person."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

ORACLE = Path(__file__).parents[3] / "shared" / "oracles" / "calendar_expected.json"
NEW_YORK = ZoneInfo("America/New_York")

needs_oracle = pytest.mark.skipif(not ORACLE.exists(), reason="the development data is not beside this checkout")


@pytest.fixture(scope="module")
def timetables(airflow_home):
    from trading.entrypoints.airflow import timetable

    return timetable


def runs_between(timetable, first: datetime, last: datetime):
    """Return the runs that a backfill of the range gets."""
    from airflow.timetables.base import TimeRestriction

    restriction, found, previous = TimeRestriction(first, last, True), [], None
    while info := timetable.next_dagrun_info(last_automated_data_interval=previous, restriction=restriction):
        found.append(info)
        previous = info.data_interval
    return found


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ends(runs) -> list[str]:
    return [f"{run.data_interval.end.astimezone(NEW_YORK):%H:%M}" for run in runs]


def test_a_full_session_has_seven_runs_and_the_last_is_the_close(timetables):
    runs = runs_between(timetables.NyseTimetable(), day("2026-11-23"), day("2026-11-23T23:59"))
    assert ends(runs) == ["10:30", "11:30", "12:30", "13:30", "14:30", "15:30", "16:00"]


def test_a_half_day_ends_at_one(timetables):
    runs = runs_between(timetables.NyseTimetable(), day("2026-11-27"), day("2026-11-27T23:59"))
    assert ends(runs) == ["10:30", "11:30", "12:30", "13:00"]


def test_thanksgiving_week_skips_the_holiday_and_the_weekend(timetables):
    runs = runs_between(timetables.NyseTimetable(), day("2026-11-25"), day("2026-11-30T23:59"))
    per_day = Counter(run.data_interval.end.date() for run in runs)
    assert per_day == {date(2026, 11, 25): 7, date(2026, 11, 27): 4, date(2026, 11, 30): 7}


@pytest.mark.parametrize(
    ("friday", "monday", "before", "after"),
    [("2026-03-06", "2026-03-09", "15:30", "14:30"), ("2026-10-30", "2026-11-02", "14:30", "15:30")],
)
def test_daylight_saving_moves_the_hour_in_utc_and_not_in_new_york(timetables, friday, monday, before, after):
    runs = runs_between(timetables.NyseTimetable(), day(friday), day(f"{monday}T23:59"))
    assert (ends(runs)[0], ends(runs)[7]) == ("10:30", "10:30")
    assert [f"{runs[i].data_interval.end:%H:%M}" for i in (0, 7)] == [before, after]


@needs_oracle
def test_every_published_session_opens_and_closes_when_the_runs_say(timetables):
    expected = json.loads(ORACLE.read_text())
    for case in expected["cases"]:
        on = datetime.fromisoformat(case["utc"]).date()
        runs = runs_between(timetables.NyseTimetable(), day(f"{on}"), day(f"{on}T23:59"))
        if not case["is_session"]:
            assert not runs, case
            continue
        opens, closes = (datetime.fromisoformat(case[f"session_{edge}_utc"]) for edge in ("open", "close"))
        assert (runs[0].data_interval.start, runs[-1].data_interval.end) == (opens, closes), case
        assert len(runs) == (4 if case["half_day"] else 7), case


@needs_oracle
def test_the_youngest_completed_hour_never_ends_after_the_instant_that_asks(timetables):
    for case in json.loads(ORACLE.read_text())["cases"]:
        now = datetime.fromisoformat(case["utc"])
        interval = timetables.NyseTimetable().infer_manual_data_interval(run_after=now)
        assert now - timedelta(days=5) < interval.end <= now
        if case["is_session"] and now >= datetime.fromisoformat(case["session_close_utc"]):
            assert interval.end == datetime.fromisoformat(case["session_close_utc"])


@needs_oracle
def test_a_year_has_no_run_on_a_published_holiday_and_short_days_where_published(timetables):
    expected = json.loads(ORACLE.read_text())
    runs = runs_between(timetables.NyseTimetable(), day("2026-01-01"), day("2026-12-31T23:59"))
    per_day = Counter(run.data_interval.end.date().isoformat() for run in runs)
    assert not set(expected["weekday_holidays_2026"]) & set(per_day)
    assert {on for on, count in per_day.items() if count == 4} == set(expected["half_days_2026"])


def test_delayed_sources_delay_the_run_and_not_its_hour(timetables, monkeypatch):
    monkeypatch.setenv("AIRDESK_SOURCE_DELAY_MINUTES", "15")
    run = runs_between(timetables.NyseTimetable(), day("2026-11-23"), day("2026-11-23T23:59"))[0]
    assert run.run_after - run.data_interval.end == timedelta(minutes=15)
    interval = timetables.NyseTimetable().infer_manual_data_interval(run_after=day("2026-11-23T15:44"))
    assert interval.end == day("2026-11-20T21:00")


def test_the_scheduler_never_goes_back_further_than_the_youngest_hour(timetables):
    from airflow.timetables.base import TimeRestriction

    restriction = TimeRestriction(day("2015-01-02"), None, False)
    run = timetables.NyseTimetable().next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    assert datetime.now(UTC) - run.data_interval.end < timedelta(days=5)
    following = timetables.NyseTimetable().next_dagrun_info(
        last_automated_data_interval=run.data_interval, restriction=restriction
    )
    assert following.data_interval.start >= run.data_interval.end


def test_a_replay_is_never_scheduled_but_backfills_each_session(timetables):
    from airflow.timetables.base import TimeRestriction

    replay = timetables.NyseReplayTimetable()
    restriction = TimeRestriction(day("2015-01-02"), None, False)
    assert replay.next_dagrun_info(last_automated_data_interval=None, restriction=restriction) is None
    assert not replay.can_be_scheduled
    runs = runs_between(replay, day("2019-06-03"), day("2019-06-07T23:59"))
    assert [run.data_interval.end.day for run in runs] == [3, 4, 5, 6, 7]
    assert all(run.data_interval.end - run.data_interval.start == timedelta(hours=6.5) for run in runs)


def test_the_night_run_comes_after_the_close_of_half_days_too(timetables):
    runs = runs_between(timetables.NyseCloseTimetable(minutes_after=90), day("2026-11-25"), day("2026-11-27T23:59"))
    assert [f"{run.run_after.astimezone(NEW_YORK):%d %H:%M}" for run in runs] == ["25 17:30", "27 14:30"]


def test_rebalancing_is_due_in_the_first_hour_of_each_quarter(timetables):
    runs = runs_between(timetables.NyseQuarterTimetable(minutes_after=5), day("2026-01-01"), day("2026-12-31T23:59"))
    due = [f"{run.run_after.astimezone(NEW_YORK):%m-%d %H:%M}" for run in runs]
    assert due == ["01-02 10:35", "04-01 10:35", "07-01 10:35", "10-01 10:35"]


def test_by_hand_the_night_and_the_quarter_stand_for_the_youngest_hour_and_a_replay_for_a_session(timetables):
    noon = day("2026-11-23T16:59")
    for timetable in (
        timetables.NyseQuarterTimetable(minutes_after=5),
        timetables.NyseCloseTimetable(minutes_after=90),
    ):
        assert timetable.infer_manual_data_interval(run_after=noon).end == day("2026-11-23T16:30")
    assert timetables.NyseReplayTimetable().infer_manual_data_interval(run_after=noon).end == day("2026-11-20T21:00")
