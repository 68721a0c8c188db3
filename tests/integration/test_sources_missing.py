"""What becomes of parked symbols and of an hour's bars where a source is off, or is away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from trading.adapters.sources.ibkr_bars import IbkrBars, SplitKnowledge
from trading.domain.gates import Gate, ParkEvent
from trading.domain.instruments import VIX
from trading.domain.market import Resolution, TimeWindow
from trading.errors import PermanentError, VendorUnavailable
from trading.ports import Sources
from trading.tasks.gathering import Gathering
from trading.tasks.ingest import ingest_prices
from trading.tasks.ingest_bars import FIRST_LOOK_BACK
from trading.tasks.parking import release

from tests.fakes import FixedClock, ny
from tests.gate_desk import BOOK, CALENDAR, FlatBars, GateDesk, slot_at, spec_of

HOUR, NEXT = "2026-11-17 11:30", "2026-11-17 12:30"


@pytest.fixture(autouse=True)
def short_history(monkeypatch):
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.DAY, timedelta(days=10))
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.HALF_HOUR, timedelta(days=4))


@dataclass
class Reaching(FlatBars):
    """Serves only some symbols, or only until an instant."""

    serves: tuple[str, ...] | None = None
    until: datetime | None = None

    def served_until(self, symbol, resolution, as_of):
        if self.serves is not None and symbol not in self.serves:
            return None
        found = super().served_until(symbol, resolution, as_of)
        return self.until if self.until is not None and found is not None else found


def park(desk, *pairs):
    with desk.store.transaction() as tx:
        tx.market.park([ParkEvent(s, gate, True, "seen", "ingest_prices", ny("2026-11-13 10:30")) for s, gate in pairs])


def without_sources(desk, at):
    return replace(desk.services(slot_at(at).as_of), sources=Sources())


def test_without_sources_fresh_stored_bars_open_the_gates_of_absence_and_a_person_any_other(store):
    desk = GateDesk(store)
    desk.hour(HOUR)
    park(desk, ("NVDA", Gate.STALE), ("NVDA", Gate.BARS_MISSING), ("MSFT", Gate.CROSSED), ("XYZ", Gate.STALE))
    ingest_prices(without_sources(desk, HOUR), spec_of(*desk.symbols), BOOK, slot_at(HOUR))
    assert desk.gates("NVDA") == set()
    assert desk.gates("XYZ") == {Gate.STALE}, "nothing of it is stored"
    with pytest.raises(PermanentError, match="opens by itself"):
        release(desk.services(ny(HOUR)), BOOK, "MSFT", Gate.CROSSED, why="x", actor="cli:me")
    for symbol, gate in (("MSFT", Gate.CROSSED), ("XYZ", Gate.STALE)):
        release(without_sources(desk, HOUR), BOOK, symbol, gate, why="imported", actor="cli:me")
    assert desk.parked() == {}


def test_without_sources_old_stored_bars_open_nothing(store):
    desk = GateDesk(store)
    desk.hour(HOUR)
    park(desk, ("NVDA", Gate.STALE))
    late = "2026-11-18 11:30"
    ingest_prices(without_sources(desk, late), spec_of(*desk.symbols), BOOK, slot_at(late))
    assert desk.gates("NVDA") == {Gate.STALE}


def test_a_symbol_that_no_source_serves_any_more_is_judged_by_what_is_stored(store):
    desk = GateDesk(store)
    desk.hour(HOUR)
    park(desk, ("NVDA", Gate.STALE), ("MSFT", Gate.STALE))
    desk.bars = Reaching(serves=("GLD", VIX))
    at = slot_at(HOUR).as_of + timedelta(minutes=30)
    desk.hour(NEXT)
    assert at < slot_at(NEXT).as_of
    assert desk.gates("NVDA") == set(), "an hour old is new enough"
    park(desk, ("NVDA", Gate.STALE))
    desk.hour("2026-11-17 15:30")
    assert desk.gates("NVDA") == {Gate.STALE}


def down(*symbols):
    return {symbol: VendorUnavailable("flat: down; wait", vendor="flat") for symbol in symbols}


def told_by(desk, symbol, at):
    with desk.store.transaction() as tx:
        return tx.market.bar_source(symbol, Resolution.HALF_HOUR, ny(at) - timedelta(minutes=30), cutoff_at=ny(at))


def test_the_hour_in_which_the_first_source_fails_takes_its_bars_from_the_next_one(store):
    desk = GateDesk(store, others=(Reaching("delayed", until=ny("2026-11-16 16:00")), FlatBars("second")))
    desk.hour(HOUR)
    desk.bars.error = down(*desk.symbols)
    report = desk.hour(NEXT)
    assert report.degraded
    assert any("down" in note for note in report.notes)
    assert told_by(desk, "NVDA", NEXT) == "second"
    assert told_by(desk, VIX, NEXT) == "second"
    assert desk.parked() == {}


def test_what_no_other_source_reaches_is_still_asked_again(store):
    desk = GateDesk(store, others=(Reaching("second", serves=("GLD", "NVDA", "MSFT")),))
    desk.hour(HOUR)
    desk.bars.error = down(*desk.symbols)
    with pytest.raises(VendorUnavailable):
        desk.hour(NEXT)
    assert told_by(desk, "NVDA", NEXT) == "second"


class Splits:
    """A source of splits that is away."""

    name = "polygon"

    def corporate_actions(self, symbols, window):
        raise VendorUnavailable("polygon: down; wait", vendor="polygon")


class Line:
    """A line to a broker that nobody gets as far as using."""

    class calls:  # noqa: N801
        """Nothing is off."""

        @staticmethod
        def off_reason(*_):
            return None


def test_splits_that_another_vendor_does_not_tell_cost_one_symbol_and_not_the_broker():
    now = ny("2026-11-17 11:30")
    source = IbkrBars(Line(), CALENDAR, SplitKnowledge(lambda symbol: (), (Splits(),), FixedClock(now)))
    gathering = Gathering()
    window = TimeWindow(now - timedelta(days=9), now)
    ask = gathering.ask("ibkr", "no bars", lambda: source.bars("NVDA", window, Resolution.HALF_HOUR))
    assert ask is None
    assert not gathering.is_left_alone("ibkr")
    assert "splits are not known (polygon: down" in gathering.notes[0]
    gathering.conclude()
