"""`airdesk migrate`: bring the database to the version of this code."""

from __future__ import annotations

import argparse
import os

from trading.adapters.migrations import pending
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.databases import desk_databases, prepare_safely, say_aside


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "migrate", help="apply database migrations", description="Apply the SQL files of include/sql/migrations."
    )
    parser.add_argument("--check", action="store_true", help="only say what is pending; exit code 1 if anything is")
    parser.add_argument(
        "--airflow-too", action="store_true", help="also create Airflow's database and its login, without its tables"
    )
    parser.add_argument("--no-backup", action="store_true", help="take no backup of what is there first")
    parser.set_defaults(run=run, needs_database=False)


def run(options: argparse.Namespace) -> int:
    """Migrate the database of this checkout, or the one that AIRDESK_DATABASE_URL names."""
    checkout = Checkout.from_environment(os.environ)
    with desk_databases(checkout, os.environ) as urls:
        if options.airflow_too and not options.check:
            urls.prepare_airflow()
        if options.check:
            names = pending(urls.owner)
        elif options.no_backup:
            names = urls.prepare()
        else:
            names = prepare_safely(checkout, urls, say=say_aside)
    for name in names:
        print(f"{'pending' if options.check else 'applied'} {name}")
    if not names:
        print("the database is up to date")
    return 1 if options.check and names else 0
