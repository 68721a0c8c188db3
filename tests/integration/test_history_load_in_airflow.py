"""A load of history by the real scheduler and its workers, triggered as a person does it; what it leaves in files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from trading.adapters.loopback import free_port
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.run_record import run_lock
from trading.entrypoints.running_desk import RunningDesk, running_desk
from trading.errors import PermanentError

from tests.canaries import BASE_URLS, CANARIES, KEYS, echo, in_desk, in_files
from tests.dags.desk import rows_of
from tests.http_stub import Answer, http_stub
from tests.integration.test_vendors import Vendor

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(420)]

ROOT = Path(__file__).parents[2]
CONF = {"symbols": ["NVDA", "GLD"], "from": "2026-11-02", "to": "2026-11-19", "what": ["bars", "news"]}
SECONDS = 120
SET = [name for name in KEYS if not name.startswith("AIRDESK_")]


@pytest.fixture
def vendor():
    with http_stub() as stub:
        yield Vendor(stub)


@pytest.fixture
def desk(monkeypatch, vendor):
    """A paper desk whose vendors are on loopback; one of them knows no key of ours and repeats them all."""
    for name in [name for name in os.environ if name.startswith(("AIRFLOW", "AIRDESK"))]:
        monkeypatch.delenv(name)
    with tempfile.TemporaryDirectory(prefix="airdesk-test-", ignore_cleanup_errors=True) as folder:
        # As root the server runs under another account, which must be able to enter.
        Path(folder).chmod(0o711)
        settings = {
            **{name: CANARIES[name] for name in SET},
            **dict.fromkeys(BASE_URLS, vendor.stub.url),
            "AIRDESK_MODE": "paper", "AIRDESK_SOURCES": "vendors", "AIRDESK_IBKR_BARS": "0",
            "POLYGON_PLAN": "advanced", "SEC_USER_AGENT": "Airdesk test@example.com",
            "AIRDESK_STATE_DIR": folder, "AIRDESK_UI_PORT": str(free_port()),
        }  # fmt: skip
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        checkout = Checkout.from_environment(os.environ)
        checkout.make_folders()
        with run_lock(checkout.state) as free, running_desk(checkout, say=print) as running:
            assert free
            running.wait_until_ready()
            running.airflow.unpause("history_load")
            yield running


def trigger(conf: dict[str, object], run_id: str) -> subprocess.CompletedProcess[str]:
    words = ["airflow", "dags", "trigger", "history_load", "--run-id", run_id, "--conf", json.dumps(conf)]
    command = [sys.executable, "-m", "trading.entrypoints.cli", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=SECONDS)


def through_the_api(desk: RunningDesk, **changes: object) -> str:
    """Trigger as the form of the UI does, and return the run's id."""
    return desk.airflow.trigger("history_load", logical_date=None, conf=CONF | changes).run_id


def ended(desk: RunningDesk, run_id: str) -> str:
    """Return how a run ended."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        desk.supervisor.check()
        state = desk.airflow.run("history_load", run_id).state
        if state in {"success", "failed"}:
            return state
        time.sleep(0.5)
    raise AssertionError(f"{run_id} is still {state}")


def pieces(desk: RunningDesk, run_id: str) -> dict[tuple[str, str | None], str]:
    told = desk.airflow._call("GET", f"/dags/history_load/dagRuns/{run_id}/taskInstances")["task_instances"]
    return {(task["task_id"], task["rendered_map_index"]): task["state"] for task in told}


def test_a_triggered_load_shows_its_pieces_by_name_and_leaves_no_key_in_any_file(desk, vendor, monkeypatch):
    good = vendor.stub.answer
    vendor.stub.answer = lambda path: (
        good(path) if path.startswith("/v2/aggs") else Answer({"said": echo(SET)}, status=401)
    )
    done = trigger(CONF, "first")
    assert done.returncode == 0, done.stderr
    assert ended(desk, "first") == "failed", "headlines were refused"
    found = pieces(desk, "first")
    for piece in ("NVDA 1d 2026-11..2026-11", "GLD 30m 2026-11..2026-11"):
        assert found["load", piece] == "success"
    assert "failed" in {state for (task, _), state in found.items() if task == "load"}
    url = desk.settings.database_url
    asked = len(vendor.stub.asked)
    assert ended(desk, through_the_api(desk, what=["bars"])) == "success"
    assert len(vendor.stub.asked) == asked, "the bars are stored"
    assert rows_of(url, "SELECT count(*), max(revision) FROM market.bars") == [(2 * (14 + 14 * 13), 0)]
    with pytest.raises(PermanentError, match="Airflow answered 4"):
        through_the_api(desk, **{"from": "soon"})
    assert ended(desk, through_the_api(desk, symbols=["ZZZZ"])) == "failed"

    folder = Path(os.environ["AIRDESK_STATE_DIR"])
    leaks = [*in_files(folder), *in_desk(desk.databases.owner), *in_desk(desk.databases.airflow)]
    assert sorted(set(leaks)) == []
    assert any("history_load" in str(path) for path in folder.rglob("*.log")), "there were logs to read"
