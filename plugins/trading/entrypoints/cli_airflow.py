"""`./airdesk airflow …`: Airflow's own command line, pointed at the desk that runs here."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

from trading.adapters.embedded_postgres import EmbeddedPostgres
from trading.entrypoints.airflow_environment import airflow_environment
from trading.entrypoints.arguments import without_separator
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.databases import DatabaseUrls
from trading.entrypoints.run_record import RunRecord, is_running
from trading.errors import PermanentError, TransientError
from trading.settings import Mode


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "airflow",
        help="Airflow's own commands, e.g. airflow backfill create",
        description="Pass the arguments to the `airflow` of the desk that runs here.",
        add_help=False,
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what Airflow itself is told")
    parser.set_defaults(run=run, needs_database=False, passes_arguments=True)


def run(options: argparse.Namespace) -> int:
    """Become Airflow's command line; the exit code is its own."""
    environment = environment_of_the_desk(Checkout.from_environment(os.environ), os.environ)
    # argparse leaves options that come before the first word, such as --help, to the rest.
    command = [sys.executable, "-m", "airflow", *options.rest, *without_separator(options.arguments)]
    os.execve(sys.executable, command, environment)  # noqa: S606 - the user's own arguments, no shell


def environment_of_the_desk(checkout: Checkout, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the programs of the running desk were started with, warnings off so that `-o json` stays JSON.

    Raises:
        PermanentError: no desk of this mode runs here.
        TransientError: it is just starting.
    """
    record = RunRecord.read(checkout.state)
    if not is_running(checkout.state):
        starts = "./airdesk demo" if checkout.mode is Mode.DEMO else "./airdesk up"
        raise PermanentError(f"no {checkout.mode} desk runs in {checkout.state}; start it with {starts}")
    if (port := urlsplit(record.url).port) is None:
        raise TransientError("the desk is just starting; wait until it prints its address, then try again")
    desk = airflow_environment(checkout, databases=_databases(checkout, environment), port=port, extra=record.exports)
    return {**desk, "PYTHONWARNINGS": "ignore"}


def _databases(checkout: Checkout, environment: Mapping[str, str]) -> DatabaseUrls:
    # The demo ignores a named database; where the embedded server of this desk runs, it is the desk's.
    server = EmbeddedPostgres(checkout.state / "postgres")
    if not server.is_running() and (named := DatabaseUrls.named(environment)):
        return named
    return DatabaseUrls.embedded(server.start(), checkout.database_name)
