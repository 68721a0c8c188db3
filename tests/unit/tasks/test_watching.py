"""What counts as silence, and how often people hear of it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from trading.domain.portfolio import TradingState
from trading.tasks.watching import Incident, Pulse, Trouble, alerts, followed, is_watched, told

from tests.fakes import WeekdayCalendar, ny

LAG = timedelta(minutes=10)
CALENDAR = WeekdayCalendar(holidays=frozenset({date(2019, 7, 4)}), half_days=frozenset({date(2019, 7, 3)}))


@pytest.mark.parametrize(
    ("at", "is_on"),
    [
        ("2019-06-03 09:29", False),
        ("2019-06-03 09:31", True),
        ("2019-06-03 16:05", True),
        ("2019-06-03 16:13", False),
        ("2019-06-08 12:00", False),  # Saturday
        ("2019-07-04 12:00", False),  # holiday
        ("2019-07-03 12:59", True),  # half day
        ("2019-07-03 13:30", False),
    ],
)
def test_m02_only_a_session_can_be_silent(at: str, is_on: bool) -> None:
    assert is_watched(CALENDAR, ny(at), lag=LAG) is is_on


def beat(due: str, newest: str | None, state: TradingState = TradingState.ACTIVE) -> Pulse:
    slot = CALENDAR.slot_at(ny(due))
    assert slot is not None
    return Pulse(slot, ny(newest) if newest else None, state)


def test_a_missing_decision_is_late_and_a_halted_book_is_not() -> None:
    assert beat("2019-06-03 11:30", "2019-06-03 10:30").is_late
    assert beat("2019-06-03 11:30", None).is_late
    assert not beat("2019-06-03 11:30", "2019-06-03 11:30").is_late
    assert not beat("2019-06-03 11:30", "2019-06-03 12:30").is_late
    for state in (TradingState.HALTED, TradingState.LOCKED):
        assert not beat("2019-06-03 11:30", None, state).is_late


class Watch:
    """Plays rounds a minute apart."""

    def __init__(self) -> None:
        self.now: datetime = ny("2019-06-03 11:41")
        self.open: dict[Trouble, Incident] = {}

    def round(self, **found: str | None) -> list[tuple[str, bool]]:
        self.now += timedelta(minutes=1)
        judged = {Trouble(name): words for name, words in found.items()}
        self.open = followed(self.open, judged, self.now)
        due = list(alerts(self.open, judged, self.now))
        for alert in due:
            self.open = told(self.open, alert)
        return [(alert.trouble.value, alert.is_over) for alert in due]


def test_an_incident_is_told_once_and_once_when_it_is_over() -> None:
    watch = Watch()
    assert watch.round(no_decision="late") == [("no_decision", False)]
    assert watch.round(no_decision="late") == []
    assert watch.round(no_decision=None) == [("no_decision", True)]
    assert watch.round(no_decision=None) == []
    assert watch.round(no_decision="late again") == [("no_decision", False)]


def test_a_restart_is_no_incident_and_is_not_told_at_its_end_either() -> None:
    watch = Watch()
    assert watch.round(scheduler="down") == []
    assert watch.round(scheduler="down") == []
    assert watch.round(scheduler=None) == []
    assert watch.open == {}
    assert [watch.round(scheduler="down") for _ in range(4)] == [[], [], [("scheduler", False)], []]


def test_what_is_not_judged_stays_as_it_was() -> None:
    watch = Watch()
    watch.round(no_decision="late")
    assert watch.round(database=None) == []
    assert watch.round(no_decision=None) == [("no_decision", True)]
