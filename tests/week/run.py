"""Run the week and print its transcript.

    python tests/week/run.py [--days N] [--write]

Everything but the market is real: Airflow's scheduler, the tasks, the gateway's protocol, the vendors' and Telegram's
clients, the sender and the bot. Five sessions take about a quarter of an hour on two cores.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]

from trading.adapters.loopback import HOST, free_port  # noqa: E402
from trading.domain.market import Session, session_slots  # noqa: E402
from trading.entrypoints.airflow_api import DagRun  # noqa: E402
from trading.entrypoints.checkout import Checkout  # noqa: E402
from trading.entrypoints.run_record import run_lock  # noqa: E402
from trading.entrypoints.running_desk import SIMULATED_QUERY, RunningDesk, running_desk  # noqa: E402
from trading.gateway.feed import source_feed  # noqa: E402
from trading.gateway.flex_server import FLEX_TOKEN, PATH  # noqa: E402

from tests.dags.desk import rows_of  # noqa: E402
from tests.fakes import ACCOUNT, RunningGateway, running_gateway  # noqa: E402
from tests.integration.parity_world import CALENDAR, SPEC, scenario  # noqa: E402
from tests.week.vendors import Vendors, running_vendors  # noqa: E402

FIRST_ON, LAST_ON = date(2020, 11, 30), date(2020, 12, 4)
RUN_SECONDS = 240
LIVE_DAGS = ("hourly_trading", "nightly_reconciliation", "quarterly_rebalance")


@dataclass
class Week:
    """The running parts, and what happened so far."""

    desk: RunningDesk
    gateway: RunningGateway
    vendors: Vendors
    at: str = ""

    def hour(self, as_of: datetime) -> DagRun:
        """Run one hour to its end."""
        return self._run("hourly_trading", as_of)

    def night(self, session: Session) -> DagRun:
        """Run the reconciliation of one session to its end."""
        return self._run("nightly_reconciliation", session.closes_at)

    def _run(self, dag_id: str, as_of: datetime) -> DagRun:
        run = self.desk.airflow.trigger(dag_id, logical_date=None, conf={"as_of": as_of.isoformat()})
        until(self.desk, lambda: self.desk.airflow.run(dag_id, run.run_id).is_over)
        return self.desk.airflow.run(dag_id, run.run_id)


def until(desk: RunningDesk, look: Callable[[], Any]) -> Any:
    """Return what `look` returns once it is something."""
    deadline = time.monotonic() + RUN_SECONDS
    while not (found := look()):
        desk.supervisor.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing after {RUN_SECONDS} s; the logs are in {desk.checkout.logs}")
        time.sleep(0.3)
    return found


@contextmanager
def running_week(folder: Path) -> Iterator[Week]:
    """Start everything, with the clock of the gateway before the first session."""
    opens_at = CALENDAR.session(FIRST_ON).opens_at
    sources = scenario()
    feed = source_feed(sources.bars[0], SPEC.universe.data, sources.actions[0])
    with ExitStack() as stack:
        gateway = stack.enter_context(running_gateway(feed, opens_at))
        vendors = stack.enter_context(running_vendors())
        stack.enter_context(only_environment(settings(folder, gateway, vendors)))
        checkout = Checkout.from_environment(os.environ)
        checkout.make_folders()
        assert stack.enter_context(run_lock(checkout.state))
        desk = stack.enter_context(running_desk(checkout, say=print))
        desk.wait_until_ready()
        until(desk, lambda: desk.airflow.dag_ids().issuperset(LIVE_DAGS))
        for dag_id in LIVE_DAGS:
            desk.airflow.unpause(dag_id)
        yield Week(desk, gateway, vendors)


def settings(folder: Path, gateway: RunningGateway, vendors: Vendors) -> dict[str, str]:
    """Return the settings of a paper desk on these parts."""
    url = vendors.stub.url
    return {
        # Runs are triggered one by one: the market of the week is not of today.
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        "AIRDESK_STATE_DIR": str(folder),
        "AIRDESK_UI_PORT": str(free_port()),
        "AIRDESK_MODE": "paper",
        "AIRDESK_BOOK": f"paper:{ACCOUNT}",
        "AIRDESK_SOURCES": "vendors",
        "AIRDESK_STRATEGY": SPEC.name,
        "AIRDESK_IBKR_BARS": "0",
        "AIRDESK_BROKER_ACCOUNT": ACCOUNT,
        "AIRDESK_BROKER_PORT": str(gateway.port),
        "AIRDESK_GATEWAY_CONTROL_PORT": str(gateway.control_port),
        "AIRDESK_FLEX_URL": f"http://{HOST}:{gateway.flex_port}{PATH}",
        "AIRDESK_FLEX_TOKEN": FLEX_TOKEN,
        "AIRDESK_FLEX_QUERY": SIMULATED_QUERY,
        "POLYGON_API_KEY": "stub",
        "POLYGON_PLAN": "advanced",
        "POLYGON_BASE_URL": url,
        "SEC_BASE_URL": url,
        "CBOE_BASE_URL": url,
        "GPR_BASE_URL": url,
    }


@contextmanager
def only_environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Replace every setting of ours and of Airflow for the length of a `with` block."""
    ours = ("AIRFLOW", "AIRDESK", "POLYGON")
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(ours)}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name in wanted:
            del os.environ[name]
        os.environ.update(before)


def main(arguments: list[str]) -> int:
    """Run the week; 0 if it told what a person would expect."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=int, default=5)
    options = parser.parse_args(arguments)
    sessions = CALENDAR.sessions(FIRST_ON, LAST_ON)[: options.days]
    with tempfile.TemporaryDirectory(prefix="airdesk-week-", ignore_cleanup_errors=True) as folder:
        # As root the server runs under another account, which must be able to enter.
        Path(folder).chmod(0o711)
        with running_week(Path(folder)) as week:
            for session in sessions:
                for slot in session_slots(session):
                    run = week.hour(slot.as_of)
                    print(slot.as_of, run.state, flush=True)
                print(session.session_on, week.night(session).state, flush=True)
            url = week.desk.settings.database_url
            for row in rows_of(url, "SELECT kind, severity, dedupe_key, body FROM ops.outbox ORDER BY message_id"):
                print(row)
            for row in rows_of(
                url, "SELECT symbol, side, quantity, price, executed_at FROM desk.fills ORDER BY executed_at"
            ):
                print("fill", *row)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
