"""`airdesk gateway` killed with SIGKILL: what it acknowledged is there when it comes back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from trading.adapters.ibkr.control import ask

ROOT = Path(__file__).resolve().parents[2]
NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"
OPTIONS = ["--port", "0", "--control-port", "0", "--cash", "5000000", "--clock", "2025-06-11T14:30:00+00:00"]


@contextmanager
def gateway_process(state_file: Path):
    """Run the gateway on the synthetic market and kill it at the end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins"), "AIRDESK_DATABASE_URL": NO_DATABASE}
    command = [sys.executable, "-m", "trading.entrypoints.cli", "gateway", *OPTIONS, "--state", str(state_file)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            control_port = json.loads(process.stdout.readline())["control_port"]
            yield lambda cmd, **arguments: ask("127.0.0.1", control_port, {"cmd": cmd, **arguments}, timeout_seconds=30)
        finally:
            process.send_signal(signal.SIGKILL)


def test_a_sigkill_loses_nothing_that_was_acknowledged(tmp_path) -> None:
    acknowledged: list[int] = []
    for _ in range(2):
        with gateway_process(tmp_path / "state") as tell:
            log = tell("log")
            assert [p["perm_id"] for p in log["placements"]] == acknowledged
            for number in range(6):
                order = tell("foreign_order", symbol="NVDA", side="BUY", quantity=number + 1)
                acknowledged.append(order["perm_id"])
            tell("halt", symbol="AMD", is_halted=True)
            before = tell("state")["state"]
    with gateway_process(tmp_path / "state") as tell:
        assert tell("state")["state"] == before
    assert len(before["executions"]) == len(acknowledged) == 12
