"""What a person asks at the desk: positions, orders, fills."""

from __future__ import annotations

import argparse

from rich.console import Console

from trading.bootstrap import services_for
from trading.domain.instruments import BookId
from trading.entrypoints import arguments
from trading.ports import Services
from trading.reporting.tables import denials_table, fills_table, orders_table, positions_table
from trading.settings import load_settings


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    arguments.book_command(subparsers, "positions", _positions, "open positions with their protection")
    for name, run, text in (("orders", _orders, "newest orders"), ("fills", _fills, "newest fills")):
        arguments.book_command(subparsers, name, run, text).add_argument(
            "--limit", type=int, default=30, help="how many rows"
        )


def _desk(options: argparse.Namespace) -> tuple[Services, BookId]:
    settings = load_settings()
    return services_for(settings), BookId.parse(options.book) if options.book else settings.book


def _positions(options: argparse.Namespace) -> int:
    services, book = _desk(options)
    with services.store.transaction() as tx:
        now = services.clock.now()
        portfolio, working, nav = tx.ledger.portfolio(book, now), tx.orders.working(book), tx.ledger.last_nav(book)
    console = Console()
    console.print(positions_table(f"{book.badge} {book}", portfolio, working))
    worth = "unknown" if nav is None else f"{nav.nav_usd:,.2f} USD at {nav.as_of:%Y-%m-%d %H:%M} UTC"
    console.print(f"cash {portfolio.cash_usd:,.2f} USD   NAV {worth}")
    return 0


def _orders(options: argparse.Namespace) -> int:
    services, book = _desk(options)
    with services.store.transaction() as tx:
        orders = tx.orders.recent(book, options.limit)
        denials = tx.checks.denials([o.order_id for o in orders])
    console = Console()
    console.print(orders_table(f"{book.badge} {book}: orders", orders))
    if denials:
        console.print(denials_table("what stands against them", denials, orders))
    return 0


def _fills(options: argparse.Namespace) -> int:
    services, book = _desk(options)
    with services.store.transaction() as tx:
        Console().print(fills_table(f"{book.badge} {book}: fills", tx.ledger.fills(book, options.limit)))
    return 0
