"""`airdesk drill soak`: weeks of hours with seeded faults of every family, and a judge at the end."""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from rich.console import Console

from trading.domain.market import Session
from trading.drills.soak.plan import Family
from trading.drills.soak.report import count_line, fault_table, plan_line, progress_line, verdict_lines
from trading.drills.soak.soaking import Tally, planned, run_soak
from trading.entrypoints import arguments

NOISY = ("ib_insync", "ib_async")
"""They log each refusal of the gateway as an error; the tasks say what matters of it."""


def register(drills: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the drill."""
    soak = drills.add_parser(
        "soak",
        help="trade weeks with seeded faults of every family, and look whether every promise held",
        description="Run session after session on a SYNTHETIC market, with a Postgres server and a gateway of its own, "
        "while vendors, Postgres, gateway, processes, clock and Telegram fail by a plan that the seed draws; then hold "
        "the books against the gateway's log and the market. Exit code 1 if any promise was broken.",
    )
    soak.add_argument("--sessions", type=arguments.positive, default=30, help="how many sessions (default: 30)")
    soak.add_argument("--seed", type=int, default=1, help="of market, first day and faults (default: 1)")
    soak.add_argument("--only", choices=[*Family], help="one family of faults (default: all)")
    soak.add_argument("--plan", action="store_true", help="show what would strike when, and stop")
    soak.set_defaults(run=_soak, needs_database=False)


def _soak(options: argparse.Namespace) -> int:
    families = tuple(Family) if options.only is None else (Family(options.only),)
    plan = planned(options.seed, options.sessions, families)
    print(plan_line(plan), flush=True)
    if options.plan:
        for fault in plan.faults:
            print(f"session {fault.session + 1}, hour {fault.hour + 1}: {fault}")
        return 0
    # Circular otherwise: the drills' commands register this one.
    from trading.entrypoints.cli_drill import drill_state

    state = drill_state()
    log_file = state / "logs" / f"soak-{options.seed}.log"
    numbers = count(1)

    def report(session: Session, tally: Tally) -> None:
        print(progress_line(next(numbers), session, tally), file=sys.stderr, flush=True)

    with _home(state / f"soak-{options.seed}") as home, _logging_into(log_file):
        tally = run_soak(plan, home=home, log_file=log_file, report=report)
    Console(width=100).print(fault_table(tally))
    print(count_line(tally))
    only = f" --only {options.only}" if options.only else ""
    for line in verdict_lines(tally, log_file=str(log_file), families=only):
        print(line)
    return 1 if tally.broken else 0


@contextmanager
def _home(path: Path) -> Iterator[Path]:
    """Yield a new folder for the soak's Postgres, which goes afterwards."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _logging_into(log_file: Path) -> Iterator[None]:
    """Write what happens into a file instead of the terminal."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(log_file, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    before = root.level
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
        handler.close()
