"""Faults of a run's surroundings: the machine's time zone, a vendor that stays away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import Resolution, session_slots
from trading.errors import TransientError
from trading.ports import Services, Sources
from trading.strategy.three_sector import three_sector
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.source import SyntheticBarSource
from trading.tasks.ingest import ingest_prices

from tests.architecture.sources import ROOT
from tests.fakes import FixedClock

ZONES = ("UTC", "Europe/Berlin")


def hours_in(zone: str, database_url: str, tmp_path) -> list[list]:
    """Return what three traded hours left in Postgres when the machine's zone is `zone`."""
    environment = {**os.environ, "TZ": zone, "PYTHONPATH": os.pathsep.join([str(ROOT / "plugins"), str(ROOT)])}
    command = [sys.executable, "-m", "tests.faults.hours_in_a_zone", database_url, str(tmp_path / "log")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_c02_the_zone_of_the_machine_changes_no_order_fill_lot_or_instant(database_url, tmp_path) -> None:
    here, there = (hours_in(zone, database_url, tmp_path) for zone in ZONES)
    orders, events, fills, lots, cash = here
    assert all([orders, events, fills, lots, cash]), "the hours traded"
    assert there == here


@dataclass
class Silent:
    """A vendor that never answers; counts how often it was asked."""

    asked: int = 0
    name: str = "silent"

    def served_until(self, symbol, resolution, as_of):
        return as_of

    def bars(self, symbol, window, resolution):
        self.asked += 1
        raise TransientError("the vendor does not answer; it is retried")


def services_with(store, bars) -> Services:
    clock = FixedClock(datetime(2026, 11, 19, 21, 30, tzinfo=UTC))
    return Services(store, NyseCalendar(), clock, Sources(bars=(bars,)), broker=None)


def test_a13_an_ingest_whose_vendor_stays_away_fails_without_rows_and_the_next_run_is_normal(store) -> None:
    spec, book = three_sector(), BookId(BookKind.DEMO, "test")
    at, later = session_slots(NyseCalendar().session(date(2026, 11, 19)))[:2]
    vendor = Silent()
    with pytest.raises(TransientError):
        ingest_prices(services_with(store, vendor), spec, book, at)
    assert vendor.asked == 1, "the retries are Airflow's, which counts them; a task does not add its own"
    with store.transaction() as tx:
        assert tx.market.last_bar_starts_at(Resolution.HALF_HOUR) == {}
    source = SyntheticBarSource(SyntheticMarket(7, NyseCalendar()))
    report = ingest_prices(services_with(store, source), spec, book, later)
    assert report.counts["bars_stored"] > 0
    assert not report.degraded
