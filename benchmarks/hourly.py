"""Where does the time of one hour go? Every task of `hourly_trading`, called as Airflow calls it, without Airflow.

A throw-away Postgres, the paper gateway as a process of its own, the real client over its socket. The first hour
loads years of history and is shown apart. Everything lives in a temporary folder and is gone at the end.

Run from the root of the checkout:

    PYTHONPATH=plugins .venv/bin/python benchmarks/hourly.py [--hours 8]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from stopwatch import Seconds, heading, middle, timed
from trading.adapters.embedded_postgres import EmbeddedPostgres
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.migrations import migrate
from trading.bootstrap import services_for
from trading.domain.market import Slot, session_slots
from trading.entrypoints.demo_loop import STEPS
from trading.settings import Settings, load_settings
from trading.strategy.catalogue import spec_named
from trading.tasks.desk import report

ACCOUNT = "DU0000001"
FIRST_ON = date(2025, 6, 11)


@contextmanager
def desk_settings(folder: Path) -> Iterator[Settings]:
    """Run Postgres and gateway under `folder` and return the settings of a demo book on them."""
    postgres = EmbeddedPostgres(folder / "postgres")
    try:
        postgres.start()
        url = postgres.ensure_database("benchmark")
        migrate(url)
        environment = {
            "AIRDESK_MODE": "demo",
            "AIRDESK_BOOK": "demo:benchmark",
            "AIRDESK_DATABASE_URL": url,
            "AIRDESK_STATE_DIR": str(folder),
            "AIRDESK_BROKER_ACCOUNT": ACCOUNT,
        }
        with gateway(environment) as ports:
            yield load_settings(environment | ports)
    finally:
        postgres.stop()


@contextmanager
def gateway(environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Run the paper gateway and return the settings that name its ports."""
    command = [sys.executable, "-m", "trading.entrypoints.cli", "gateway", "--port", "0", "--control-port", "0"]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None, "it was asked for"
        said = json.loads(process.stdout.readline())
        yield {
            "AIRDESK_BROKER_PORT": str(said["port"]),
            "AIRDESK_GATEWAY_CONTROL_PORT": str(said["control_port"]),
        }
    finally:
        process.terminate()
        process.wait()


def slots(count: int) -> list[Slot]:
    """Return the first `count` session hours from `FIRST_ON` on."""
    sessions = NyseCalendar().sessions(FIRST_ON, FIRST_ON + timedelta(days=14 + count))
    return [slot for session in sessions for slot in session_slots(session)][:count]


def run_hour(settings: Settings, slot: Slot) -> tuple[dict[str, Seconds], int]:
    """Return the seconds of each task of one hour, and how many order legs were sent."""
    services, spec = services_for(settings), spec_named(settings.strategy)
    seconds: dict[str, Seconds] = {}
    sent = 0
    for task in (*STEPS, report):
        done, seconds[task.__name__] = timed(lambda task=task: task(services, spec, settings.book, slot))
        sent += done.counts.get("sent", 0)
    return seconds, sent


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, default=8, help="measured hours after the first (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="airdesk-benchmark-") as folder:
        # As root the server runs under another account, which must be able to enter.
        Path(folder).chmod(0o711)
        with desk_settings(Path(folder)) as settings:
            done = [run_hour(settings, slot) for slot in slots(options.hours + 1)]
    print_report(done[0], done[1:])


def print_report(first: tuple[dict[str, Seconds], int], hours: Sequence[tuple[dict[str, Seconds], int]]) -> None:
    """Print each task's share of the hour."""
    by_task = {name: middle([seconds[name] for seconds, _ in hours]) for name in first[0]}
    wall, cpu = sum(s.wall for s in by_task.values()), sum(s.cpu for s in by_task.values())
    print(heading("one hour by task, 10 symbols traded, 22 ingested, without Airflow's own cost"))
    print(f"medians of {len(hours)} hours from {FIRST_ON}; order legs sent: {first[1]} first, then "
          f"{', '.join(str(sent) for _, sent in hours)}")  # fmt: skip
    print(f"\n{'task':<22}{'wall s':>8}{'share':>8}{'CPU s':>8}{'share':>8}{'first hour':>12}")
    for name, seconds in by_task.items():
        print(
            f"{name:<22}{seconds.wall:>8.3f}{seconds.wall / wall:>8.1%}{seconds.cpu:>8.3f}{seconds.cpu / cpu:>8.1%}"
            f"{first[0][name].wall:>12.2f}"
        )
    print(f"{'all':<22}{wall:>8.3f}{1:>8.1%}{cpu:>8.3f}{1:>8.1%}{sum(s.wall for s in first[0].values()):>12.2f}")
    print("\nCPU is this process; the rest of the wall time is Postgres, the gateway, and waiting for them")


if __name__ == "__main__":
    main()
