"""`airdesk demo`: the whole loop on a synthetic market, with its own state folder, database and book."""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from trading.bootstrap import services_for, strategy_of
from trading.entrypoints.airflow_api import AirflowApi, DagRun
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.demo_loop import run_until_filled
from trading.entrypoints.demo_tables import BADGE, print_decision, print_orders, print_run, wide_console
from trading.entrypoints.logs import say
from trading.entrypoints.running_desk import RunningDesk, running_desk
from trading.entrypoints.up import announce, the_only_desk
from trading.errors import PermanentError, TransientError
from trading.settings import Mode

DAG = "hourly_trading"
DAG_SECONDS = 60
RUN_SECONDS = 300

# The demo is the same for everybody: what .env says about a real book, broker or database does not count.
IGNORED = (
    "AIRDESK_AIRFLOW_DATABASE_URL",
    "AIRDESK_BOOK",
    "AIRDESK_BROKER_ACCOUNT",
    "AIRDESK_BROKER_HOST",
    "AIRDESK_BROKER_PORT",
    "AIRDESK_DAILY_PRICING",
    "AIRDESK_DATABASE_URL",
    "AIRDESK_GATEWAY_CONTROL_PORT",
    "AIRDESK_OWNER_DATABASE_URL",
    "AIRDESK_READ_DATABASE_URL",
    "AIRDESK_SOURCES",
    "AIRDESK_SOURCE_DELAY_MINUTES",
    "AIRDESK_STARTING_CASH_USD",
    "AIRDESK_STRATEGY",
)


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Seconds since the demo began."""

    began: float

    def __str__(self) -> str:
        return f"{time.monotonic() - self.began:.0f} s"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "demo",
        help="show the whole desk on a synthetic market",
        description="Explained decisions and a filled simulated order, then the same loop in Airflow. No network.",
    )
    parser.add_argument("--exit", action="store_true", help="stop when everything was shown; otherwise keep serving")
    parser.add_argument("--seed", type=int, default=7, help="seed of the synthetic market (default: %(default)s)")
    parser.set_defaults(run=run, needs_database=False)


def run(options: argparse.Namespace) -> int:
    """Show the desk; exit code 0 if an entry was filled and the Airflow run is green."""
    for name in IGNORED:
        os.environ.pop(name, None)
    os.environ.update({"AIRDESK_MODE": Mode.DEMO.value, "AIRDESK_SYNTHETIC_SEED": str(options.seed)})
    checkout = Checkout.from_environment(os.environ)
    watch = Stopwatch(time.monotonic())
    with the_only_desk(checkout) as free:
        if not free:
            return 0
        say(f"{BADGE} demo: invented prices, news and fills; nothing of it is real")
        with running_desk(checkout, say=say) as desk:
            is_filled = show_decisions(desk, watch)
            is_green = show_run(desk, watch)
            announce(desk)
            if not options.exit:
                say("serving; Ctrl-C stops everything. In another terminal: ./airdesk why NVDA")
                desk.wait()
    return 0 if is_filled and is_green else 1


def show_decisions(desk: RunningDesk, watch: Stopwatch) -> bool:
    """Run hours in this process while Airflow starts; returns whether an entry was filled."""
    console = wide_console()
    spec = strategy_of(desk.settings)
    with console.status(f"{BADGE}  first hours") as status:
        shown = run_until_filled(
            services_for(desk.settings), spec, desk.settings.book, now=datetime.now(UTC), say=status.update
        )
    if shown is None:
        raise PermanentError("the demo decided nothing; remove .airdesk/demo and start again")
    print_decision(console, shown)
    print_orders(console, shown)
    filled = f"{len(shown.fills)} fill" if len(shown.fills) == 1 else f"{len(shown.fills)} fills"
    say(f"first explained decision and {filled} after {watch}")
    return bool(shown.fills)


def show_run(desk: RunningDesk, watch: Stopwatch) -> bool:
    """Let Airflow run the youngest hour; returns whether the run is green."""
    say("Airflow runs the next hour: scheduler, tasks, gateway and broker client as in real life")
    desk.wait_until_ready()
    run = wait_for_run(desk, start_run(desk))
    print_run(wide_console(), run.run_id, desk.airflow.tasks(DAG, run.run_id))
    say(f"hourly_trading is {run.state} after {watch}")
    return run.state == "success"


def start_run(desk: RunningDesk) -> DagRun:
    """Unpause the DAG and return the run that its schedule makes at once, or one that we ask for."""
    deadline = time.monotonic() + DAG_SECONDS
    while DAG not in desk.airflow.dag_ids():
        desk.supervisor.check()
        if time.monotonic() > deadline:
            broken = ", ".join(desk.airflow.import_errors()) or "no import error is known"
            raise TransientError(f"Airflow has not read {DAG} ({broken}); read {desk.checkout.logs}, then start again")
        time.sleep(0.5)
    before = desk.airflow.newest_run(DAG)
    desk.airflow.unpause(DAG)
    return _scheduled_run(desk.airflow, before) or desk.airflow.trigger(DAG, logical_date=None, conf={})


def _scheduled_run(api: AirflowApi, before: DagRun | None) -> DagRun | None:
    """Return the run that unpausing made; None if this hour had its run before."""
    for _ in range(20):
        run = api.newest_run(DAG)
        if run is not None and (before is None or run.run_id != before.run_id):
            return run
        time.sleep(0.25)
    return None


def wait_for_run(desk: RunningDesk, run: DagRun) -> DagRun:
    """Return the run once it is over."""
    deadline = time.monotonic() + RUN_SECONDS
    while not run.is_over:
        desk.supervisor.check()
        if time.monotonic() > deadline:
            raise TransientError(f"{run.run_id} takes longer than {RUN_SECONDS} s; look at it in {desk.airflow.url}")
        time.sleep(0.5)
        run = desk.airflow.run(DAG, run.run_id)
    return run
