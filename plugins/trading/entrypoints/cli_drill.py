"""`airdesk drill`: fault drills on real parts. They have a state folder, a Postgres and databases of their own."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from trading.drills.databases import DrillDatabases
from trading.drills.disturbances import Hazard
from trading.drills.halt_drill import HaltRound, run_halts
from trading.drills.kill_drill import Tally, run_hazard
from trading.drills.report import Results, drill_table, halt_table, progress_line
from trading.drills.restore_drill import run_restore
from trading.drills.world import import_everything
from trading.entrypoints import cli_soak
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.databases import shared_postgres
from trading.settings import Mode

ALL = "all"
WIDTH = 150


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    parser = subparsers.add_parser("drill", help="fault drills: kill, halt, restore, soak")
    drills = parser.add_subparsers(title="drills", metavar="DRILL", required=True)
    kill = drills.add_parser(
        "kill",
        help="kill the executor again and again and compare the books with the gateway's log",
        description="Kill the executor again and again, retry as Airflow does, and compare the books with the "
        "gateway's own log. Exit code 1 if any promise was broken.",
    )
    kill.add_argument("--kills", type=_positive, default=500, help="executors to kill, over all hazards (default: 500)")
    kill.add_argument("--seed", type=int, default=1, help="of market, decisions and moments (default: 1)")
    kill.add_argument("--mode", choices=[*Hazard, ALL], default=ALL, help="one kind of trouble (default: all five)")
    kill.add_argument("--resume", action="store_true", help="go on after the worlds that an interrupted run finished")
    kill.set_defaults(run=_kill, needs_database=False)
    halt = drills.add_parser(
        "halt",
        help="halt a book with positions while it sends, and look whether every stop is still live",
        description="Halt a book with positions while orders are being sent, restart the gateway, and look whether "
        "every stop is still live and nothing else. Exit code 1 if any promise was broken.",
    )
    halt.add_argument("--rounds", type=_positive, default=10, help="halts, each at another moment (default: 10)")
    halt.add_argument("--seed", type=int, default=1, help="of market, decisions and moments (default: 1)")
    halt.set_defaults(run=_halt, needs_database=False)
    restore = drills.add_parser(
        "restore",
        help="back a desk up, destroy it, restore it, compare every row, and look that nothing is sent twice",
        description="Trade some hours, back up, destroy database and state folder, restore, and compare every row; "
        "then once more with orders that were sent after the backup. Exit code 1 if anything is not as it was.",
    )
    restore.add_argument("--seed", type=int, default=1, help="of market and decisions (default: 1)")
    restore.set_defaults(run=_restore, needs_database=False)
    cli_soak.register(drills)


def _kill(options: argparse.Namespace) -> int:
    hazards = list(Hazard) if options.mode == ALL else [Hazard(options.mode)]
    results = Results(drill_state() / f"kill-{options.mode}-{options.kills}-{options.seed}.jsonl")
    if not options.resume:
        results.forget()
    done = results.read()
    started = time.monotonic()

    def report(tally: Tally) -> None:
        results.add(tally)
        done.append(tally)
        dead = sum(t.kills for t in done)
        line = progress_line(tally, dead=dead, kills=options.kills, elapsed_seconds=time.monotonic() - started)
        print(line, file=sys.stderr, flush=True)

    with _drill_databases() as (databases, logs):
        for hazard, kills in zip(hazards, _shares(options.kills, len(hazards)), strict=True):
            before = tuple(t for t in done if t.hazard is hazard)
            run_hazard(
                databases,
                hazard,
                kills=kills,
                seed=options.seed,
                log_file=logs / "kill.log",
                report=report,
                done=before,
            )
    return _conclude(done, seed=options.seed)


def _halt(options: argparse.Namespace) -> int:
    rounds: list[HaltRound] = []

    def report(done: HaltRound) -> None:
        rounds.append(done)
        print(f"{len(rounds)}/{options.rounds} halts", file=sys.stderr, flush=True)

    with _drill_databases() as (databases, logs):
        run_halts(databases, rounds=options.rounds, seed=options.seed, log_file=logs / "halt.log", report=report)
    Console(width=WIDTH).print(halt_table(rounds, seed=options.seed))
    broken = [(done, violation) for done in rounds for violation in done.violations]
    for done, violation in broken:
        print(f"round {done.number}: {violation}")
    print(f"{len(rounds)} halts: {f'{len(broken)} BROKEN PROMISES' if broken else 'every promise held'}")
    return 1 if broken else 0


def _restore(options: argparse.Namespace) -> int:
    with _drill_databases() as (databases, logs):
        done = run_restore(databases, seed=options.seed, folder=logs, at=datetime.now(UTC))
    for words in done.broken:
        print(words)
    print(
        f"{done.rows} rows of {done.tables} tables compared, {done.lost} of {done.orders} orders unknown to the backup"
    )
    print(f"restore drill: {f'{len(done.broken)} BROKEN PROMISES' if done.broken else 'equals before'}")
    return 1 if done.broken else 0


@contextmanager
def _drill_databases() -> Iterator[tuple[DrillDatabases, Path]]:
    """Yield databases on the drills' own server, and the folder of their logs."""
    state = drill_state()
    logs = state / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with shared_postgres(state) as server:
        import_everything()
        yield DrillDatabases(server.url_for), logs


def drill_state() -> Path:
    """Return the state folder of the drills: neither the desk's nor the demo's."""
    return Checkout.from_environment(os.environ, mode=Mode.PAPER).state / "drill"


def _conclude(tallies: list[Tally], *, seed: int) -> int:
    Console(width=WIDTH).print(drill_table(tallies, seed=seed))
    broken = [(t, v) for t in tallies for v in t.violations]
    for tally, violation in broken:
        print(f"{tally.hazard} world {tally.number}: {violation}")
    seconds, lines = sum(t.seconds for t in tallies), max((t.lines for t in tallies), default=0)
    print(f"the longest attempt executes {lines:,} lines of tasks, store, adapter and client library")
    verdict = f"{len(broken)} BROKEN PROMISES" if broken else "every promise held"
    print(f"{sum(t.kills for t in tallies)} executors killed in {seconds / 60:.1f} min: {verdict}")
    return 1 if broken else 0


def _shares(total: int, parts: int) -> list[int]:
    """Return `total` split into whole shares, the larger ones first."""
    return [total // parts + (number < total % parts) for number in range(parts)]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return number
