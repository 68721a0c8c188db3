"""`airflow backfill` of five sessions by the real scheduler, beside a demo book that traded. All of it is SYNTHETIC."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from trading.adapters.ibkr.control import ask
from trading.adapters.loopback import HOST, free_port
from trading.adapters.market_calendar import NyseCalendar
from trading.bootstrap import services_for
from trading.domain.market import Session, session_slots
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.demo_loop import LOOK_BACK, run_until_filled
from trading.entrypoints.run_record import run_lock
from trading.entrypoints.running_desk import RunningDesk, running_desk
from trading.strategy.catalogue import spec_named

from tests.dags.desk import rows_of

ROOT = Path(__file__).parents[2]
BOOK = "replay:five"
_ORDERS = f"order_id IN (SELECT order_id FROM desk.orders WHERE book = '{BOOK}')"
OF_THE_BOOK = {"desk.order_events": _ORDERS, "desk.denials": _ORDERS}
"""How the book's rows are known in tables that do not name it."""
BACKFILL_SECONDS = 120


@pytest.fixture
def desk(monkeypatch):
    """A demo desk with a state folder of its own; it traded for some hours before it is handed out."""
    for name in [name for name in os.environ if name.startswith(("AIRFLOW", "AIRDESK"))]:
        monkeypatch.delenv(name)
    with tempfile.TemporaryDirectory(prefix="airdesk-test-", ignore_cleanup_errors=True) as folder:
        # As root the server runs under another account, which must be able to enter.
        Path(folder).chmod(0o711)
        monkeypatch.setenv("AIRDESK_STATE_DIR", folder)
        monkeypatch.setenv("AIRDESK_UI_PORT", str(free_port()))
        checkout = Checkout.from_environment(os.environ)
        checkout.make_folders()
        with run_lock(checkout.state) as free, running_desk(checkout, say=print) as running:
            assert free
            trade(running)
            running.wait_until_ready()
            yield running


def trade(desk: RunningDesk) -> None:
    """Fill database, demo book and gateway as `./airdesk demo` does."""
    spec, book = spec_named(desk.settings.strategy), desk.settings.book
    shown = run_until_filled(services_for(desk.settings), spec, book, now=datetime.now(UTC), say=lambda _: None)
    assert shown is not None


def five_sessions() -> list[Session]:
    """Return the five sessions before the demo's first hour."""
    until = (datetime.now(UTC) - LOOK_BACK).date() - timedelta(days=1)
    return list(NyseCalendar().sessions(until - timedelta(days=20), until)[-5:])


def airflow(*words: str) -> str:
    """Return what `./airdesk airflow …` prints."""
    command = [sys.executable, "-m", "trading.entrypoints.cli", "airflow", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def finished_runs(desk: RunningDesk, count: int) -> list[str]:
    """Return the states of the DAG's runs once so many are over."""
    deadline = time.monotonic() + BACKFILL_SECONDS
    while True:
        desk.supervisor.check()
        states = [run["state"] for run in json.loads(airflow("dags", "list-runs", "hourly_replay", "-o", "json"))]
        over = [state for state in states if state in {"success", "failed"}]
        if len(over) == count or time.monotonic() > deadline:
            return states


def rows(desk: RunningDesk, query: str) -> list[tuple]:
    return rows_of(desk.databases.owner, query)


def everything_else(desk: RunningDesk) -> dict[str, tuple]:
    """Return count and fingerprint of every table's rows that are not the replay book's."""
    schemas = "('desk', 'ops', 'market', 'analysis')"
    tables = rows(desk, f"SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN {schemas}")
    fingerprint = "count(*), md5(string_agg(t::text, '|' ORDER BY t::text))"
    mine = {table: OF_THE_BOOK.get(table, f"t::text LIKE '%{BOOK}%'") for (table,) in tables}
    return {
        table: rows(desk, f"SELECT {fingerprint} FROM {table} t WHERE NOT ({clause})")[0]
        for table, clause in mine.items()
    }


@pytest.mark.airflow
@pytest.mark.timeout(240)
def test_a_backfill_replays_its_sessions_in_order_and_touches_nothing_else(desk):
    sessions = five_sessions()
    slots = [slot for session in sessions for slot in session_slots(session)]
    control = (HOST, desk.settings.gateway_control_port, {"cmd": "state"})
    orders, others = ask(*control, timeout_seconds=10)["state"]["orders"], everything_else(desk)
    assert others["desk.fills"][0] > 0, "the demo book traded"

    assert json.loads(airflow("dags", "list-import-errors", "-o", "json")) == []
    airflow("dags", "unpause", "hourly_replay")
    airflow(
        "backfill", "create", "--dag-id", "hourly_replay", "--from-date", f"{sessions[0].session_on}",
        "--to-date", f"{sessions[-1].session_on}T23:59", "--dag-run-conf", json.dumps({"book": "five"}),
    )  # fmt: skip
    assert finished_runs(desk, len(sessions)) == ["success"] * len(sessions)

    decided = rows(desk, f"SELECT as_of FROM desk.decisions WHERE book = '{BOOK}' ORDER BY as_of")
    assert decided == [(slot.as_of,) for slot in slots]
    # A transaction takes its number when it first writes: the numbers rise in the order of the sessions.
    written = f"SELECT DISTINCT xmin::text::bigint, session_on FROM desk.decisions WHERE book = '{BOOK}' ORDER BY 1"
    assert [on for _, on in rows(desk, written)] == [session.session_on for session in sessions]
    left = rows(desk, f"SELECT session_on FROM desk.replay_states WHERE book = '{BOOK}' ORDER BY 1")
    assert left == [(session.session_on,) for session in sessions]
    assert everything_else(desk) == others
    assert ask(*control, timeout_seconds=10)["state"]["orders"] == orders
