"""What a run stands for, and what it may touch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import Session, Slot, session_slots
from trading.entrypoints.airflow.context import RunFacts, database_url, facts_of, fenced, replay_conf, slot_of
from trading.errors import PermanentError, TransientError
from trading.ports import Services, Sources

NO_DELAY = timedelta()
QUARTER_HOUR = timedelta(minutes=15)
PAPER = BookId(BookKind.PAPER, "DU1")


def at(hour: int, minute: int, day: int = 3) -> datetime:
    return datetime(2019, 6, day, hour, minute, tzinfo=UTC)


class TwoDays:
    """Monday and Tuesday, 3 and 4 June 2019, as a calendar."""

    slots: tuple[Slot, ...] = tuple(
        slot for day in (3, 4) for slot in session_slots(Session(date(2019, 6, day), at(13, 30, day), at(20, 0, day)))
    )

    def latest_slot(self, instant: datetime) -> Slot:
        return [slot for slot in self.slots if slot.as_of <= instant][-1]

    def slot_at(self, as_of: datetime) -> Slot | None:
        return next((slot for slot in self.slots if slot.as_of == as_of), None)


def a_run(**changes) -> RunFacts:
    facts = {
        "dag_id": "hourly_trading",
        "run_id": "manual__1",
        "run_type": "manual",
        "run_after": at(23, 0, 4),
        "interval_ends_at": None,
        "conf": {},
    }
    return RunFacts(**{**facts, **changes})


def test_a_scheduled_run_stands_for_the_end_of_its_interval():
    run = a_run(run_type="scheduled", interval_ends_at=at(15, 30), run_after=at(15, 30))
    assert slot_of(run, TwoDays(), delay=NO_DELAY).as_of == at(15, 30)


def test_a_manual_run_without_a_date_takes_the_youngest_completed_hour():
    assert slot_of(a_run(run_after=at(15, 29)), TwoDays(), delay=NO_DELAY).as_of == at(14, 30)


def test_a_manual_run_waits_for_delayed_sources_before_it_takes_an_hour():
    assert slot_of(a_run(run_after=at(15, 44)), TwoDays(), delay=QUARTER_HOUR).as_of == at(14, 30)
    assert slot_of(a_run(run_after=at(15, 45)), TwoDays(), delay=QUARTER_HOUR).as_of == at(15, 30)


def test_an_interval_that_ends_off_the_grid_snaps_to_the_hour_before_it():
    assert slot_of(a_run(interval_ends_at=at(3, 0, 4)), TwoDays(), delay=NO_DELAY).as_of == at(20, 0)


def test_conf_names_an_hour_exactly_in_any_time_zone():
    run = a_run(conf={"as_of": "2019-06-03T10:30:00-04:00"}, interval_ends_at=at(20, 0, 4))
    assert slot_of(run, TwoDays(), delay=NO_DELAY).as_of == at(14, 30)


@pytest.mark.parametrize(
    ("conf", "complaint"),
    [
        ({"as_of": "2019-06-03T14:31:00Z"}, "not the end of a New York session hour"),
        ({"as_of": "2019-06-08T14:30:00Z"}, "not the end of a New York session hour"),
        ({"as_of": "2019-06-03T14:30:00"}, "no time zone"),
        ({"as_of": "yesterday"}, "not an ISO instant"),
        ({"as_of": None}, "not an ISO instant"),
        ({"asof": "2019-06-03T14:30:00Z"}, "unknown keys asof"),
        ({"mode": "live"}, "unknown keys mode"),
    ],
)
def test_a_conf_that_is_not_understood_is_refused(conf, complaint):
    with pytest.raises(PermanentError, match=complaint):
        slot_of(a_run(conf=conf), TwoDays(), delay=NO_DELAY)


def test_an_hour_whose_facts_are_not_complete_is_tried_again_later():
    run = a_run(conf={"as_of": "2019-06-04T20:00:00Z"}, run_after=at(20, 5, 4))
    with pytest.raises(TransientError, match="complete at 20:15"):
        slot_of(run, TwoDays(), delay=QUARTER_HOUR)


@dataclass(frozen=True)
class _Gate:
    """Stands for a broker that must not be reached."""


def services() -> Services:
    nothing = SimpleNamespace()
    return Services(nothing, TwoDays(), nothing, Sources(), broker=_Gate())


def test_a_replay_book_never_comes_with_a_broker():
    book = BookId(BookKind.REPLAY, "june")
    for run_type in ("manual", "backfill", "scheduled"):
        assert fenced(a_run(run_type=run_type), services(), book).broker is None


@pytest.mark.parametrize("kind", [BookKind.PAPER, BookKind.LIVE, BookKind.DEMO])
def test_a_backfill_may_touch_replay_books_only(kind):
    with pytest.raises(PermanentError, match="a backfill may not touch"):
        fenced(a_run(run_type="backfill"), services(), BookId(kind, "DU1"))


def test_a_live_run_keeps_its_broker():
    assert fenced(a_run(run_type="scheduled"), services(), PAPER).broker == _Gate()


def test_the_run_type_counts_and_not_the_run_id():
    run = SimpleNamespace(
        dag_id="hourly_trading",
        run_id="scheduled__2019-06-03",
        run_type=SimpleNamespace(value="backfill"),
        run_after=at(14, 30),
        data_interval_end=at(14, 30),
        conf=None,
    )
    facts = facts_of({"dag_run": run})
    assert (facts.run_type, facts.conf) == ("backfill", {})


def test_a_replay_goes_into_the_book_that_conf_names():
    conf = replay_conf({"book": "june_19", "strategy": "technical_core", "replace": True})
    assert (str(conf.book), conf.strategy, conf.replace) == ("replay:june_19", "technical_core", True)
    assert str(replay_conf({}).book) == "replay:backfill"


@pytest.mark.parametrize(
    "conf",
    [
        {"book": "paper:DU1"},
        {"book": "June"},
        {"book": ""},
        {"book": "x" * 41},
        {"book": 7},
        {"book": "a; drop"},
        {"replace": "yes"},
        {"strategy": 3},
        {"as_of": "2019-06-03T14:30:00Z"},
    ],
)
def test_a_replay_conf_that_is_not_understood_is_refused(conf):
    with pytest.raises(PermanentError):
        replay_conf(conf)


def test_a_connection_becomes_a_url_with_every_sign_escaped():
    connection = SimpleNamespace(
        login="desk", password="p@ss/w:rd", host="db", port=None, schema="airdesk", extra_dejson={"sslmode": "require"}
    )
    assert database_url(connection) == "postgresql://desk:p%40ss%2Fw%3Ard@db:5432/airdesk?sslmode=require"
