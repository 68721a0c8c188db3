"""The command line: `./airdesk COMMAND`. Each group of commands is a module with `register(subparsers)`.

Exit codes: 0 done, 1 a person must act (the sentence says how), 2 the command was not understood,
3 waiting helps, 4 a check found what it looks for (`replay lookahead`, `replay warmup`), 130 interrupted.
No stack trace for an error that we raise on purpose.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any

from trading.entrypoints.checkout import Checkout
from trading.entrypoints.databases import command_database
from trading.errors import AirdeskError, TransientError

COMMAND_MODULES = (
    "demo",
    "up",
    "doctor",
    "cli_controls",
    "cli_locks",
    "cli_approve",
    "cli_explain",
    "cli_desk",
    "cli_risk",
    "cli_reconcile",
    "cli_tax",
    "cli_replay",
    "cli_model",
    "cli_data",
    "cli_gateway",
    "cli_live",
    "cli_drill",
    "cli_airflow",
    "migrate",
    "testing",
)
"""In the order in which the help lists their commands; each has `register(subparsers)`."""
ALONE = {
    "replay": "cli_replay",
    "data": "cli_data",
    "gateway": "cli_gateway",
    "reconcile": "cli_reconcile",
    "tax": "cli_tax",
}
"""Commands for which one module is enough: loading all of them takes as long as a year of replay."""


def modules_for(command: str | None) -> Iterator[Any]:
    """Yield the modules with which `command` is understood; all of them if it may be any."""
    for name in (ALONE[command],) if command in ALONE else COMMAND_MODULES:
        yield import_module(f"trading.entrypoints.{name}")


def build_parser(command: str | None = None) -> argparse.ArgumentParser:
    """Return the parser with every command, or with what `command` needs."""
    parser = argparse.ArgumentParser(
        prog="airdesk",
        description="An automated trading desk on Apache Airflow. `airdesk demo` shows it on a synthetic market.",
        epilog="Settings come from the environment and from .env; see .env.example.",
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in modules_for(command):
        module.register(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = build_parser(next(iter(given), None))
    options, unknown = parser.parse_known_args(given)
    if unknown and not getattr(options, "passes_arguments", False):
        parser.error(f"unrecognised arguments: {' '.join(unknown)}")
    options.rest = unknown
    try:
        with _database_of(options):
            return int(options.run(options) or 0)
    except AirdeskError as error:
        print(f"airdesk: {error}", file=sys.stderr)
        return 3 if isinstance(error, TransientError) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _database_of(options: argparse.Namespace) -> AbstractContextManager[None]:
    if not getattr(options, "needs_database", True):
        return nullcontext()
    return command_database(Checkout.from_environment(os.environ), os.environ)


if __name__ == "__main__":
    sys.exit(main())
