"""`airdesk migrate`: bring the database to the version of this code."""

from __future__ import annotations

import argparse
import os

from trading.adapters.migrations import migrate, pending
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.databases import shared_postgres


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "migrate", help="apply database migrations", description="Apply the SQL files of include/sql/migrations."
    )
    parser.add_argument("--check", action="store_true", help="only say what is pending; exit code 1 if anything is")
    parser.set_defaults(run=run, needs_database=False)


def run(options: argparse.Namespace) -> int:
    """Migrate the database of this checkout, or the one that AIRDESK_DATABASE_URL names."""
    if named := os.environ.get("AIRDESK_DATABASE_URL"):
        return _migrate(named, only_check=options.check)
    checkout = Checkout.from_environment(os.environ)
    with shared_postgres(checkout.state) as server:
        return _migrate(server.url_for(checkout.database_name), only_check=options.check)


def _migrate(url: str, *, only_check: bool) -> int:
    names = pending(url) if only_check else migrate(url)
    for name in names:
        print(f"{'pending' if only_check else 'applied'} {name}")
    if not names:
        print("the database is up to date")
    return 1 if only_check and names else 0
