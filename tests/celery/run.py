"""Run the same hours and the same search on a local executor and on Celery workers, and compare what they left.

    python tests/celery/run.py [--hours N] [--keep DIR]

Everything is real: Redis (Debian's `redis-server`), two workers, Airflow's scheduler, Postgres, the gateway's protocol.
The market is invented. It is left out, and says so, where no Redis is installed.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]

from trading.adapters.loopback import HOST, free_port, is_free  # noqa: E402
from trading.bootstrap import services_for  # noqa: E402
from trading.domain.market import session_slots  # noqa: E402
from trading.drills.gateway_process import GatewayProcess, GatewaySetup  # noqa: E402
from trading.entrypoints.checkout import Checkout  # noqa: E402
from trading.entrypoints.executors import SLOTS  # noqa: E402
from trading.entrypoints.run_record import run_lock  # noqa: E402
from trading.entrypoints.running_desk import RunningDesk, running_desk  # noqa: E402
from trading.gateway.feed import source_feed  # noqa: E402

from tests.dags.desk import rows_of  # noqa: E402
from tests.integration.parity_world import CALENDAR, SPEC, scenario, store_scenario  # noqa: E402

ACCOUNT, CASH_USD = "DU0000009", Decimal(100_000)
TRADED_ON, STORED_UNTIL = date(2020, 11, 30), date(2020, 12, 4)
SEARCH = {
    "name": "grid", "from": "2020-11-30", "to": "2020-12-03", "strategy": SPEC.name, "objective": "total",
    "sets": ["trail=0.10,0.15", "rsi_exit=60,75"], "min_trades": 1, "batch": 1,
}  # fmt: skip
HOURLY, RESEARCH = "hourly_trading", "research_replay"
RUN_SECONDS = 420
COMPARED = {
    "decisions": "SELECT as_of, kind, decision_hash, note, nav_usd FROM desk.decisions ORDER BY as_of, kind",
    "reasons": "SELECT decision_id, symbol, rule, outcome, observed FROM desk.reasons ORDER BY 1, 2, role, 3",
    "orders": "SELECT order_id, symbol, side, quantity, order_type, purpose, limit_price, stop_price, status, "
    "filled_quantity FROM desk.orders ORDER BY order_id",
    "fills": "SELECT order_id, symbol, side, quantity, price, executed_at FROM desk.fills ORDER BY order_id, 4, 5",
    "cash": "SELECT kind, amount_usd, happened_at FROM desk.cash_entries ORDER BY happened_at, kind, amount_usd",
    "trials": "SELECT to_jsonb(t) - 'made_at' - 'ran_at' FROM desk.search_trials AS t ORDER BY 1",
    "search": "SELECT name, summary FROM desk.searches ORDER BY name",
}
"""What both executors must leave, to the last digit."""


@dataclass(frozen=True)
class Left:
    """What one executor left, and how it worked."""

    rows: Mapping[str, list[tuple[Any, ...]]]
    queues: Mapping[str, int]
    served: Mapping[str, int]
    seconds: Mapping[str, float]


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """Run a Redis on loopback with a password and nothing on disk; yields its URL."""
    port, password = free_port(), secrets.token_urlsafe(16)
    configuration = folder / "redis.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        f'bind {HOST}\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\ndir {folder}\n'
    )
    with (folder / "redis.log").open("wb") as log:
        server = subprocess.Popen(["redis-server", str(configuration)], stdout=log, stderr=log)
        try:
            wait_until(lambda: not is_free(port), seconds=20)
            yield f"redis://:{password}@{HOST}:{port}/0"
        finally:
            server.terminate()
            server.wait(timeout=20)


@contextmanager
def only_environment(wanted: Mapping[str, object]) -> Iterator[None]:
    """Replace every setting of ours and of Airflow for the length of a `with` block."""
    ours = ("AIRFLOW", "AIRDESK", "POLYGON")
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(ours)}
    os.environ.update({name: str(value) for name, value in wanted.items()})
    try:
        yield
    finally:
        for name in wanted:
            del os.environ[name]
        os.environ.update(before)


def wait_until(look: Callable[[], Any], *, seconds: float = RUN_SECONDS) -> Any:
    """Return what `look` returns once it is something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing after {seconds} s")
        time.sleep(0.3)
    return found


def what_it_left(folder: Path, hours: int, executor: Mapping[str, object]) -> Left:
    """Run the hours and the search on one executor, in a folder of its own."""
    folder.mkdir(mode=0o711)
    sources, session = scenario(), CALENDAR.session(TRADED_ON)
    feed = source_feed(sources.bars[0], SPEC.universe.data, sources.actions[0])
    begins_at = session.opens_at - timedelta(minutes=1)
    setup = GatewaySetup(ACCOUNT, CASH_USD, begins_at, feed, CALENDAR, folder / "gateway", folder / "gateway.log")
    with GatewayProcess(setup) as gateway, only_environment(settings_of(folder, gateway) | dict(executor)):
        checkout = Checkout.from_environment(os.environ)
        checkout.make_folders()
        with run_lock(checkout.state) as free, running_desk(checkout, say=print) as desk:
            assert free
            store_scenario(services_for(desk.settings).store, sources, until=CALENDAR.session(STORED_UNTIL).closes_at)
            desk.wait_until_ready()
            seconds = {}
            for slot in session_slots(session)[:hours]:
                seconds[f"hour {slot.as_of:%H:%M}"] = run(desk, HOURLY, {"as_of": slot.as_of.isoformat()})
            seconds["search"] = run(desk, RESEARCH, SEARCH)
            return gathered(desk, seconds)


def settings_of(folder: Path, gateway: GatewayProcess) -> dict[str, object]:
    """Return the settings of a paper desk on stored rows and this gateway."""
    return {
        # Runs are triggered one by one: the market is not of today.
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        "AIRDESK_STATE_DIR": folder / "desk",
        "AIRDESK_UI_PORT": free_port(),
        "AIRDESK_MODE": "paper",
        "AIRDESK_BOOK": f"paper:{ACCOUNT}",
        "AIRDESK_SOURCES": "stored",
        "AIRDESK_STRATEGY": SPEC.name,
        "AIRDESK_BROKER_ACCOUNT": ACCOUNT,
        "AIRDESK_BROKER_HOST": HOST,
        "AIRDESK_BROKER_PORT": gateway.port,
        "AIRDESK_GATEWAY_CONTROL_PORT": gateway.control_port,
    }


def run(desk: RunningDesk, dag_id: str, conf: dict[str, Any]) -> float:
    """Run a DAG to its end, which must be green, and return the seconds that it took."""
    wait_until(lambda: dag_id in desk.airflow.dag_ids())
    desk.airflow.unpause(dag_id)
    begun = time.monotonic()
    started = desk.airflow.trigger(dag_id, logical_date=None, conf=conf)
    wait_until(lambda: desk.supervisor.check() or desk.airflow.run(dag_id, started.run_id).is_over)
    state = desk.airflow.run(dag_id, started.run_id).state
    took = time.monotonic() - begun
    print(f"  {dag_id} {conf.get('as_of', '')} is {state} after {took:.0f} s", flush=True)
    if state != "success":
        raise SystemExit(f"{dag_id} is {state}; the logs are in {desk.checkout.logs}")
    return took


def gathered(desk: RunningDesk, seconds: Mapping[str, float]) -> Left:
    """Return what is to be compared, and which worker did how much."""
    ran = rows_of(
        desk.databases.airflow, "SELECT queue, count(*) FROM task_instance WHERE state = 'success' GROUP BY 1"
    )
    logs = {queue: desk.checkout.logs / f"worker-{queue}.log" for queue in SLOTS}
    return Left(
        {name: rows_of(desk.settings.database_url, query) for name, query in COMPARED.items()},
        {str(queue): int(count) for queue, count in ran},
        {queue: log.read_text().count("succeeded in") if log.exists() else 0 for queue, log in logs.items()},
        seconds,
    )


def problems_of(local: Left, celery: Left) -> list[str]:
    """Return every way in which the two differ, or in which the comparison would prove nothing."""
    found = [f"{name} differ" for name in COMPARED if local.rows[name] != celery.rows[name]]
    found += [f"no {name} at all, so nothing was compared" for name in COMPARED if not local.rows[name]]
    found += [
        f"the worker of {queue} ended {celery.served[queue]} tasks of {celery.queues.get(queue, 0)}"
        for queue in SLOTS
        if celery.served[queue] < celery.queues.get(queue, 0) or not celery.served[queue]
    ]
    return found


def main(arguments: list[str]) -> int:
    """Run both; 0 if they left the same, or if there is no Redis to try it with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=2, help="session hours to trade (default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="keep everything in this folder")
    options = parser.parse_args(arguments)
    # Told to stop, it still stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if shutil.which("redis-server") is None:
        print("left out: there is no redis-server here (Debian: apt-get install redis-server)")
        return 0
    with tempfile.TemporaryDirectory(prefix="airdesk-celery-", ignore_cleanup_errors=True) as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        # As root the server runs under another account, which must be able to enter.
        folder.chmod(0o711)
        print("LocalExecutor", flush=True)
        local = what_it_left(folder / "local", options.hours, {})
        with running_redis(folder) as url:
            print("CeleryExecutor, two workers", flush=True)
            chosen = {"AIRDESK_EXECUTOR": "celery", "AIRDESK_REDIS_URL": url}
            celery = what_it_left(folder / "celery", options.hours, chosen)
    for name in COMPARED:
        print(f"{name}: {len(local.rows[name])} rows on Local, {len(celery.rows[name])} on Celery")
    for queue in SLOTS:
        print(f"queue {queue}: {celery.queues.get(queue, 0)} tasks, its worker ended {celery.served[queue]}")
    for name, took in local.seconds.items():
        print(f"{name}: {took:.0f} s on Local, {celery.seconds[name]:.0f} s on Celery")
    problems = problems_of(local, celery)
    print("\n".join(problems) or "both executors left the same decisions, orders, fills and trials (SYNTHETIC market)")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
