"""`data status` says what holds a symbol and what opens it; `data release` opens one gate by a person's word."""

from __future__ import annotations

import pytest
from trading.domain.gates import Gate, ParkEvent
from trading.entrypoints import cli
from trading.reporting.parked import parked_lines

from tests.fakes import ny


@pytest.fixture
def run(store, database_url, monkeypatch, capsys):
    monkeypatch.setenv("AIRDESK_DATABASE_URL", database_url)
    monkeypatch.setenv("AIRDESK_MODE", "paper")
    monkeypatch.setenv("AIRDESK_SOURCES", "vendors")
    # Polygon then serves NVDA; nothing here asks it.
    monkeypatch.setenv("POLYGON_API_KEY", "not-asked-here")

    def run(*words):
        ended = cli.main(["data", *words])
        shown = capsys.readouterr()
        return ended, shown.out + shown.err

    return run


def test_where_no_source_serves_a_symbol_a_person_may_open_any_gate(store, run, monkeypatch):
    monkeypatch.setenv("AIRDESK_SOURCES", "stored")
    with store.transaction() as tx:
        tx.market.park([ParkEvent("NVDA", Gate.STALE, True, "what was seen", "ingest_prices", ny("2026-11-17 10:30"))])
    assert run("release", "NVDA", "stale", "--why", "I imported its bars")[0] == 0


def test_one_gate_is_released_and_the_other_one_still_holds(store, run):
    at = ny("2026-11-17 10:30")
    with store.transaction() as tx:
        for gate in (Gate.JUMP_WITHOUT_SPLIT, Gate.STALE):
            tx.market.park([ParkEvent("NVDA", gate, True, "what was seen", "ingest_prices", at)])
    ended, shown = run("release", "nvda", "jump_without_split", "--why", "profit warning")
    assert ended == 0
    assert "NVDA released: jump_without_split" in shown
    assert "still parked: stale" in shown
    ended, shown = run("release", "NVDA", "stale", "--why", "I say so")
    assert ended == 1
    assert "opens by itself when" in shown
    with store.transaction() as tx:
        lines = "\n".join(parked_lines(tx.market.parked()))
    assert "parked: NVDA stale since 2026-11-17 15:30Z" in lines
    assert "seen: what was seen" in lines
    assert "opens when" in lines
