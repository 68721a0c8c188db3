"""How long is a year by `airflow backfill` of `hourly_replay`? The desk's own Airflow, one run per session.

A desk of its own (supervisor, LocalExecutor, embedded Postgres, paper gateway) in a temporary folder, filled with the
SYNTHETIC market and gone at the end. Wall time runs from `backfill create` to the last session's state row. CPU is that
of all the desk's programs and of Postgres meanwhile, tasks included; idling for as long is measured before and shown.

Run from the root of the checkout:

    PYTHONPATH=plugins .venv/bin/python benchmarks/backfill.py [--sessions 252] [--strategy three_sector]
    PYTHONPATH=plugins .venv/bin/python benchmarks/backfill.py --without-airflow     # the sessions themselves
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median

from own_desk import own_desk, own_folder
from programs import cpu_seconds
from stopwatch import Seconds, heading, timed
from trading.adapters.embedded_postgres import EmbeddedPostgres
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect
from trading.bootstrap import services_for
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import SYNTHETIC, Session
from trading.entrypoints.running_desk import RunningDesk
from trading.ports import Provenance
from trading.settings import load_settings
from trading.strategy.catalogue import spec_named
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.past import store_past, synthetic_sources

CALENDAR = NyseCalendar()
FIRST_ON = date(2024, 1, 2)
SINCE = datetime(2020, 1, 1, tzinfo=UTC)
LEAD = timedelta(days=20)
"""Half hours and news from before the first session."""
BOOK = "year"
DAG = "hourly_replay"
IDLE_SECONDS = 10.0
GOAL_SECONDS = 240.0


def sessions_of(count: int) -> tuple[Session, ...]:
    """Return the first `count` sessions from `FIRST_ON` on."""
    return CALENDAR.sessions(FIRST_ON, FIRST_ON + timedelta(days=30 + 2 * count))[:count]


def fill(url: str, sessions: tuple[Session, ...], strategy: str) -> None:
    """Store what the sessions read."""
    until, universe = sessions[-1].closes_at, spec_named(strategy).universe
    origin = Provenance(SYNTHETIC, "benchmark", until, "benchmark")
    recent = until - sessions[0].opens_at + LEAD
    sources = synthetic_sources(SyntheticMarket(7, CALENDAR))
    store_past(PostgresStore(url), sources, universe, origin, since=SINCE, until=until, recent=recent)


# --- with Airflow -----------------------------------------------------------------------------------


def backfill(desk: RunningDesk, sessions: tuple[Session, ...], strategy: str) -> Seconds:
    """Backfill the sessions; wall time until the last of them is stored, and the CPU of every program meanwhile."""
    while DAG not in desk.airflow.dag_ids():
        time.sleep(0.5)
    desk.airflow.unpause(DAG)
    before = cpu_seconds(desk.checkout.state)
    time.sleep(IDLE_SECONDS)
    idle = {name: (spent - before[name]) / IDLE_SECONDS for name, spent in cpu_seconds(desk.checkout.state).items()}
    before, began = cpu_seconds(desk.checkout.state), time.perf_counter()
    _airflow(
        "backfill", "create", "--dag-id", DAG, "--from-date", f"{sessions[0].session_on}",
        "--to-date", f"{sessions[-1].session_on}T23:59",
        "--dag-run-conf", json.dumps({"book": BOOK, "strategy": strategy}),
    )  # fmt: skip
    while _rows(desk.settings.database_url, "SELECT count(*) FROM desk.replay_states")[0][0] < len(sessions):
        desk.supervisor.check()
        time.sleep(0.5)
    wall = time.perf_counter() - began
    spent = {name: seconds - before[name] for name, seconds in cpu_seconds(desk.checkout.state).items()}
    print(f"\n{'program':<16}{'CPU s':>8}{'idle would be':>16}")
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"{name:<16}{seconds:>8.1f}{idle[name] * wall:>16.1f}")
    return Seconds(sum(spent.values()), wall)


def print_runs(desk: RunningDesk) -> None:
    """Print how long the tasks ran, and how many tries they needed."""
    time.sleep(2)
    rows = _rows(
        desk.databases.airflow,
        "SELECT extract(epoch FROM end_date - start_date)::float8, try_number, state, start_date, end_date "
        f"FROM task_instance WHERE dag_id = '{DAG}' ORDER BY start_date",
    )
    lasted = [row[0] for row in rows if row[0] is not None]
    gaps = [(later[3] - earlier[4]).total_seconds() for earlier, later in pairwise(rows)]
    print(f"\n{len(rows)} tasks, {sum(row[1] for row in rows)} tries; states {sorted({row[2] for row in rows})}")
    print(f"a task runs {median(lasted):.2f} s (median; sum {sum(lasted):.0f} s),")
    print(f"the next begins {median(gaps):.2f} s later")


def _airflow(*words: str) -> None:
    root = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root / "plugins")}
    command = [sys.executable, "-m", "trading.entrypoints.cli", "airflow", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _rows(url: str, query: str) -> list[tuple]:
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


# --- without Airflow --------------------------------------------------------------------------------


def replay_alone(sessions: tuple[Session, ...], strategy: str) -> None:
    """Print what a session costs when its function is called in this process."""
    from trading.tasks.replay import replay_session

    with own_folder() as place:
        postgres = EmbeddedPostgres(place / "postgres")
        try:
            postgres.start()
            url = postgres.ensure_database("benchmark")
            migrate(url)
            fill(url, sessions, strategy)
            book = BookId(BookKind.REPLAY, BOOK)
            settings = load_settings({"AIRDESK_DATABASE_URL": url, "AIRDESK_BOOK": str(book), "AIRDESK_MODE": "demo"})
            services, spec = services_for(settings), spec_named(strategy)
            taken = []
            for session in sessions:
                on = session.session_on
                _, seconds = timed(
                    lambda on=on: replay_session(services, spec, book, on, run_id=f"{on}", replace=False)
                )
                taken.append(seconds)
            print(heading(f"{len(sessions)} sessions of {strategy} without Airflow"))
            print(f"first session {taken[0].wall:.2f} s; then {median(s.wall for s in taken[1:]):.3f} s (median),")
            print(f"{median(s.cpu for s in taken[1:]):.3f} CPU s; all {sum(s.wall for s in taken):.1f} s")
        finally:
            postgres.stop()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=252)
    parser.add_argument("--strategy", default="three_sector")
    parser.add_argument("--without-airflow", action="store_true")
    options = parser.parse_args()
    sessions = sessions_of(options.sessions)
    if options.without_airflow:
        replay_alone(sessions, options.strategy)
        return
    with own_folder() as state, own_desk(state) as desk:
        desk.wait_until_ready()
        _, filled = timed(lambda: fill(desk.settings.database_url, sessions, options.strategy))
        print(f"stored in {filled.wall:.0f} s")
        print(heading(f"airflow backfill of {len(sessions)} sessions of {options.strategy}"))
        taken = backfill(desk, sessions, options.strategy)
        print_runs(desk)
        per_session = taken.wall / len(sessions)
        print(f"\n{taken.wall:.0f} s wall ({per_session:.2f} s a session), {taken.cpu:.0f} CPU s;")
        print(f"goal for 252 sessions < {GOAL_SECONDS:.0f} s")


if __name__ == "__main__":
    main()
