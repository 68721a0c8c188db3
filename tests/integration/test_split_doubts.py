"""A split and a move of the market on one day: what prices tell, and what only a person can."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from trading.domain.gates import Gate
from trading.domain.market import ActionKind, CorporateAction, Resolution
from trading.entrypoints import cli
from trading.errors import PermanentError
from trading.ports import Provenance
from trading.tasks.ingest_bars import FIRST_LOOK_BACK
from trading.tasks.parking import release

from tests.fakes import ny
from tests.gate_desk import BOOK, GateDesk, since, times

EX_ON = date(2026, 11, 18)
EX_DATE, NOON = "2026-11-18 10:30", "2026-11-18 12:30"
LATER = ("2026-11-19 10:30", "2026-11-20 10:30", "2026-11-20 11:30")
SAID_AT = datetime.fromisoformat("2026-11-21T00:00:00+00:00")


@pytest.fixture(autouse=True)
def short_history(monkeypatch):
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.DAY, timedelta(days=10))
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.HALF_HOUR, timedelta(days=4))


@pytest.fixture
def desk(store, database_url):
    """A desk that knows of a 2:1 split on Wednesday."""
    desk = GateDesk(store, url=database_url)
    split = CorporateAction("NVDA", ActionKind.SPLIT, EX_ON, 2.0, "flat", ny("2026-11-16 12:00"))
    with store.transaction() as tx:
        tx.market.add_actions([split], Provenance("flat", "test", ny("2026-11-16 12:00"), "test"))
    desk.hour("2026-11-17 11:30")
    return desk


def used(desk, at):
    with desk.store.transaction() as tx:
        return [action.ex_on for action in tx.market.actions(cutoff_at=at)]


def test_a_split_on_the_day_of_a_bad_report_is_believed(desk):
    desk.bars.spoil["NVDA"] = since("2026-11-18 09:30", times(0.4))
    for at in (EX_DATE, *LATER):
        desk.hour(at)
        assert desk.parked() == {}
        assert used(desk, ny(at)) == [EX_ON]


def test_a_split_that_prices_leave_open_keeps_its_gate_closed_until_a_person_decides(desk):
    desk.bars.spoil["NVDA"] = since("2026-11-18 09:30", times(0.7))
    for at in (EX_DATE, NOON, *LATER):
        desk.hour(at)
        assert desk.gates("NVDA") == {Gate.SPLIT_WITHOUT_JUMP}, "time alone decides nothing"
    desk.hour("2026-11-20 16:00")
    desk.night("2026-11-20 16:00")
    assert desk.gates("NVDA") == {Gate.SPLIT_WITHOUT_JUMP}
    assert used(desk, SAID_AT) == []


@pytest.mark.parametrize("took_place", [True, False])
def test_what_a_person_says_of_a_split_stands_against_the_prices_of_its_day(desk, took_place):
    desk.bars.spoil["NVDA"] = since("2026-11-18 09:30", times(0.7))
    desk.hour(EX_DATE)
    at = ny("2026-11-18 11:00")
    services = desk.services(at)
    with pytest.raises(PermanentError, match="--confirm or --deny"):
        release(services, BOOK, "NVDA", Gate.SPLIT_WITHOUT_JUMP, why="x", actor="cli:me")
    left = release(
        services,
        BOOK,
        "NVDA",
        Gate.SPLIT_WITHOUT_JUMP,
        why="the exchange says so",
        actor="cli:me",
        took_place=took_place,
    )
    assert left == ()
    for hour in ("2026-11-18 11:30", NOON, *LATER):
        desk.hour(hour)
        assert desk.parked() == {}
    desk.hour("2026-11-20 16:00")
    desk.night("2026-11-20 16:00")
    assert desk.parked() == {}
    assert used(desk, ny(EX_DATE)) == [], "what was decided before the person spoke stays as it was"
    assert used(desk, SAID_AT) == ([EX_ON] if took_place else [])


def test_the_command_line_takes_the_word_of_a_person(desk, monkeypatch, capsys):
    desk.bars.spoil["NVDA"] = since("2026-11-18 09:30", times(0.7))
    desk.hour(EX_DATE)
    monkeypatch.setenv("AIRDESK_DATABASE_URL", desk.url)
    command = ["data", "release", "NVDA", "split_without_jump", "--why", "the exchange says so"]
    assert cli.main(command) != 0
    assert cli.main([*command, "--confirm"]) == 0
    assert "NVDA released: split_without_jump" in capsys.readouterr().out
    assert desk.parked() == {}
