"""The night finds what does not agree, and is silent about what does."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from trading.domain.gates import Gate
from trading.domain.market import ActionKind, CorporateAction, Resolution, SessionNotice, TimeWindow
from trading.errors import VendorUnavailable
from trading.ports import Provenance
from trading.tasks.decide import entries_end_at
from trading.tasks.ingest_bars import FIRST_LOOK_BACK
from trading.tasks.parking import release

from tests.fakes import ny
from tests.gate_desk import BOOK, CALENDAR, Announced, FlatBars, GateDesk, at_start, since, times

CLOSE = "2026-11-17 16:00"
WEDNESDAY = date(2026, 11, 18)


@pytest.fixture(autouse=True)
def short_history(monkeypatch):
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.DAY, timedelta(days=10))
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.HALF_HOUR, timedelta(days=4))


@pytest.fixture
def desk(store, database_url):
    desk = GateDesk(store, url=database_url, others=(FlatBars("second"),), has_holidays=True)
    desk.hour(CLOSE)
    return desk


def stored_days(desk, *bars):
    with desk.store.transaction() as tx:
        tx.market.add_bars(bars, Provenance("flat", "test", ny(CLOSE), "test"))


def days_since(desk, symbol, at, factor):
    """Store the days of the flat market again, times `factor` from an instant on: as a file would bring them."""
    change = since(at, times(factor))
    session = CALENDAR.session(date(2026, 11, 9))
    window = TimeWindow(session.opens_at, ny(CLOSE))
    stored_days(desk, *(new for bar in desk.bars.bars(symbol, window, Resolution.DAY) for new in change(bar)))


def test_a_clean_market_is_silent(desk):
    report = desk.night(CLOSE)
    assert report.notes == ()
    assert not report.degraded
    assert desk.parked() == {}
    assert desk.messages() == []


def test_without_a_second_source_and_holidays_it_says_so_and_passes(store):
    desk = GateDesk(store)
    desk.hour(CLOSE)
    notes = " ".join(desk.night(CLOSE).notes)
    assert "no source of holidays" in notes
    assert "no second source" in notes


def test_an_announced_holiday_that_the_calendar_lacks_is_told_once_and_closes_the_day_to_entries(desk):
    early = SessionNotice(date(2026, 11, 19), ny("2026-11-19 13:00"))
    desk.announced = Announced(notices=(SessionNotice(WEDNESDAY, None), early))
    for _ in range(2):
        assert desk.night(CLOSE).counts["calendar_differences"] == 2
    holiday, half = (body for _, body in desk.messages())
    assert "2026-11-18 is announced as a holiday" in holiday
    assert "entries end with the earlier" in half
    sessions = {on: CALENDAR.session(on) for on in (WEDNESDAY, early.on)}
    with desk.store.transaction() as tx:
        notices = tx.market.session_notices(first_on=WEDNESDAY, cutoff_at=ny("2026-11-18 10:30"))
        assert tx.market.session_notices(first_on=WEDNESDAY, cutoff_at=ny(CLOSE)) == (), "not known before the night"
    assert entries_end_at(sessions[WEDNESDAY], notices) == sessions[WEDNESDAY].opens_at
    assert entries_end_at(sessions[early.on], notices) == early.closes_at
    desk.announced = Announced()
    report = desk.night(CLOSE)
    assert any("as in the calendar again" in note for note in report.notes)
    with desk.store.transaction() as tx:
        assert tx.market.session_notices(first_on=WEDNESDAY, cutoff_at=ny("2026-11-20 10:30")) == ()


def test_two_sources_that_give_different_closes_park_the_symbol_until_they_agree(desk):
    desk.others[0].spoil["NVDA"] = times(1.01)
    desk.night(CLOSE)
    assert desk.gates("NVDA") == {Gate.DISAGREEMENT}
    assert set(desk.parked()) == {"NVDA"}
    desk.hour("2026-11-18 10:30")
    assert desk.gates("NVDA") == {Gate.DISAGREEMENT}, "sound bars of one source say nothing about the other"
    desk.others[0].spoil = {}
    desk.hour("2026-11-18 16:00")
    desk.night("2026-11-18 16:00")
    assert desk.parked() == {}


def test_a_second_source_that_is_away_parks_nobody_and_is_asked_again(desk):
    desk.others[0].error = {symbol: VendorUnavailable("second: down", vendor="second") for symbol in desk.symbols}
    with pytest.raises(VendorUnavailable):
        desk.night(CLOSE)
    assert desk.parked() == {}


def test_a_jump_that_was_stored_without_a_split_is_parked_until_a_person_or_a_split_says_so(desk):
    days_since(desk, "NVDA", "2026-11-16 09:30", 0.5)
    desk.night(CLOSE)
    assert desk.gates("NVDA") == {Gate.JUMP_WITHOUT_SPLIT}
    release(desk.services(ny("2026-11-17 19:00")), BOOK, "NVDA", Gate.JUMP_WITHOUT_SPLIT, why="true", actor="cli:me")
    desk.night(CLOSE)
    assert desk.parked() == {}


def test_a_split_that_arrives_explains_the_stored_jump(desk):
    days_since(desk, "NVDA", "2026-11-16 09:30", 0.5)
    desk.night(CLOSE)
    split = CorporateAction("NVDA", ActionKind.SPLIT, date(2026, 11, 16), 2.0, "flat", ny("2026-11-17 17:00"))
    with desk.store.transaction() as tx:
        tx.market.add_actions([split], Provenance("flat", "test", ny(CLOSE), "test"))
    desk.night(CLOSE)
    assert desk.parked() == {}


def test_a_stored_split_that_prices_do_not_show_becomes_suspect_and_a_later_one_is_no_question(desk):
    actions = [
        CorporateAction("NVDA", ActionKind.SPLIT, on, 3.0, "flat", ny("2026-11-16 09:00"))
        for on in (date(2026, 11, 17), date(2026, 11, 30))
    ]
    with desk.store.transaction() as tx:
        tx.market.add_actions(actions, Provenance("flat", "test", ny(CLOSE), "test"))
    desk.night(CLOSE)
    assert desk.gates("NVDA") == {Gate.SPLIT_WITHOUT_JUMP}
    with desk.store.transaction() as tx:
        assert [a.ex_on for a in tx.market.suspect_actions(cutoff_at=ny("2026-11-17 18:00"))] == [actions[0].ex_on]
        assert [a.ex_on for a in tx.market.actions(cutoff_at=ny("2026-11-17 18:00"))] == [actions[1].ex_on]


def test_a_session_with_too_few_bars_is_parked_and_one_span_without_a_trade_is_not(store):
    desk = GateDesk(store)
    desk.bars.spoil["GLD"] = at_start("2026-11-17 11:00", lambda bar: ())
    desk.hour(CLOSE)
    assert desk.night(CLOSE).counts["bars_missing"] == 1
    assert desk.parked() == {}
    # The next day's hours fail from noon on, and nobody stores the rest.
    desk.hour("2026-11-18 11:30")
    report = desk.night("2026-11-18 16:00")
    assert report.counts["parked_bars_missing"] == len(desk.symbols)
    desk.hour("2026-11-19 10:30")
    assert desk.parked() == {}, "the hours are stored now, and the ingest may say so"
