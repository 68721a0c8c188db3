"""A night that is run again later, and one with more symbols than a second source has calls for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from trading.domain.gates import Gate
from trading.domain.market import Resolution
from trading.errors import VendorRateLimited
from trading.tasks.check_data import check_data
from trading.tasks.ingest_bars import FIRST_LOOK_BACK

from tests.fakes import ny
from tests.gate_desk import BOOK, CALENDAR, FlatBars, GateDesk, slot_at, spec_of, times

CLOSE, NEXT_CLOSE = "2026-11-17 16:00", "2026-11-18 16:00"


@pytest.fixture(autouse=True)
def short_history(monkeypatch):
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.DAY, timedelta(days=10))
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.HALF_HOUR, timedelta(days=4))


def old_night(desk, at, *, now):
    return check_data(desk.services(ny(now)), spec_of(*desk.symbols), BOOK, slot_at(at))


def test_a_night_of_weeks_ago_finds_its_own_session_whole_and_parks_nobody(store):
    desk = GateDesk(store, has_holidays=True, others=(FlatBars("second"),))
    for at in (CLOSE, NEXT_CLOSE, "2026-12-04 16:00", "2026-12-18 16:00"):
        desk.hour(at)
    before = desk.parked()
    report = old_night(desk, CLOSE, now="2026-12-18 20:00")
    assert report.counts["bars_missing"] == 0
    assert desk.parked() == before == {}


def test_what_an_old_night_finds_is_a_note(store):
    desk = GateDesk(store, others=(FlatBars("second", spoil={"NVDA": times(1.01)}),))
    for at in (CLOSE, NEXT_CLOSE):
        desk.hour(at)
    report = old_night(desk, CLOSE, now="2026-11-18 18:00")
    assert any(note.startswith(f"NVDA found, and not parked: {Gate.DISAGREEMENT}") for note in report.notes)
    assert desk.parked() == {}


class Slow(FlatBars):
    """Two answers a night, of the day before."""

    def __init__(self):
        super().__init__("slow")
        self.asked, self.left = [], 2

    def served_until(self, symbol, resolution, as_of):
        sessions = CALENDAR.sessions(as_of.date() - timedelta(days=7), as_of.date() - timedelta(days=1))
        return super().served_until(symbol, resolution, as_of) and sessions[-1].closes_at

    def bars(self, symbol, window, resolution):
        if not self.left:
            raise VendorRateLimited("slow: five a minute; wait", vendor="slow", retry_after_seconds=60)
        self.left -= 1
        self.asked.append((symbol, resolution))
        return super().bars(symbol, window, resolution)


def test_a_second_source_with_few_calls_compares_others_each_night_and_fails_none(store, monkeypatch):
    monkeypatch.setattr("trading.tasks.check_data._STRIDE", 2)
    slow = Slow()
    desk = GateDesk(store, others=(slow,))
    for at in (CLOSE, NEXT_CLOSE):
        slow.left = 2
        desk.hour(at)
        report = desk.night(at)
        assert any("closes of 2 of 4 symbols were compared" in note for note in report.notes)
        assert sum("five a minute" in note for note in report.notes) == 1
    assert {symbol for symbol, _ in slow.asked} == set(desk.symbols)
    assert {resolution for _, resolution in slow.asked} == {Resolution.DAY}, "one reply may hold every symbol's day"
