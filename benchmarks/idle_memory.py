"""How much memory does a whole desk take that waits for its next hour? Every program, Postgres included.

A paper desk in a temporary folder with everything that a user can switch on: Airflow's four parts, Postgres, the paper
gateway, the bot, the sender (on a Telegram of this machine) and the watchdog. It boots, trades one hour, so that what
is loaded late is loaded, and waits. Memory is proportional (PSS): what processes share is counted once.

Run from the root of the checkout:

    PYTHONPATH=plugins:. .venv/bin/python benchmarks/idle_memory.py [--wait 60]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from own_desk import own_desk, own_folder
from programs import cpu_seconds, proportional_mb, resident_mb
from stopwatch import heading
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.market import session_slots
from trading.entrypoints.running_desk import RunningDesk

from tests.telegram_stub import telegram_stub

PERSON = "42"
DAG = "hourly_trading"
TRADED_ON = date(2024, 6, 3)
GOAL_MB = 2_500.0
WANTED = {"api-server", "scheduler", "dag-processor", "triggerer", "bot", "sender", "watchdog", "postgres"}


@contextmanager
def whole_desk() -> Iterator[RunningDesk]:
    """Run a paper desk with all of its services."""
    with own_folder() as folder, telegram_stub() as telegram:
        settings = {
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
            "AIRDESK_MODE": "paper",
            "AIRDESK_SOURCES": "stored",
            "AIRDESK_TELEGRAM_TOKEN": telegram.token,
            "AIRDESK_TELEGRAM_CHATS": PERSON,
            "AIRDESK_TELEGRAM_PEOPLE": f"{PERSON}:admin",
            "AIRDESK_TELEGRAM_BASE_URL": telegram.base_url,
        }
        with own_desk(folder, settings) as desk:
            desk.wait_until_ready()
            yield desk


def trade_an_hour(desk: RunningDesk) -> str:
    """Run one hour to its end; returns its state. Nothing is stored, so it is red, and told."""
    while DAG not in desk.airflow.dag_ids():
        time.sleep(0.5)
    desk.airflow.unpause(DAG)
    slot = session_slots(NyseCalendar().session(TRADED_ON))[0]
    run = desk.airflow.trigger(DAG, logical_date=None, conf={"as_of": slot.as_of.isoformat()})
    while not (found := desk.airflow.run(DAG, run.run_id)).is_over:
        desk.supervisor.check()
        time.sleep(0.5)
    return found.state


def main() -> None:
    """Boot, wait, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wait", type=float, default=60.0, help="seconds of idling (default: %(default)s)")
    options = parser.parse_args()
    with whole_desk() as desk:
        state = desk.checkout.state
        print(f"an hour ran and is {trade_an_hour(desk)}")
        before = cpu_seconds(state)
        time.sleep(options.wait)
        cpu = {name: (spent - before.get(name, 0.0)) / options.wait for name, spent in cpu_seconds(state).items()}
        shared, resident = proportional_mb(state), resident_mb(state)
    if missing := WANTED - set(shared):
        raise SystemExit(f"not running: {', '.join(sorted(missing))}")
    print(heading(f"a whole desk {options.wait:.0f} s after its hour"))
    print(f"{'program':<16}{'MB':>8}{'resident':>10}{'CPU %':>8}")
    for name, megabytes in sorted(shared.items(), key=lambda item: -item[1]):
        print(f"{name:<16}{megabytes:>8.0f}{resident[name]:>10.0f}{100 * cpu[name]:>8.1f}")
    total = sum(shared.values())
    print(f"{'all':<16}{total:>8.0f}{sum(resident.values()):>10.0f}{100 * sum(cpu.values()):>8.1f}")
    print(f"goal < {GOAL_MB:,.0f} MB; `resident` counts what processes share once for each of them")


if __name__ == "__main__":
    main()
