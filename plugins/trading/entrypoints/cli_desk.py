"""What a person asks at the desk: positions, orders, fills."""

from __future__ import annotations

import argparse

from rich.console import Console

from trading.bootstrap import services_for
from trading.domain.instruments import BookId
from trading.entrypoints import arguments
from trading.entrypoints.answers import add_json, of_book, print_json
from trading.entrypoints.books import chosen_book
from trading.ports import Services
from trading.reporting.tables import denials_table, fills_table, orders_table, positions_table
from trading.settings import load_settings
from trading.tasks.book_history import badge_of
from trading.tasks.exposure import working_now


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    add_json(arguments.book_command(subparsers, "positions", _positions, "open positions with their protection"))
    for name, run, text in (("orders", _orders, "newest orders"), ("fills", _fills, "newest fills")):
        parser = arguments.book_command(subparsers, name, run, text)
        parser.add_argument("--limit", type=arguments.positive, default=30, help="how many rows")
        add_json(parser)


def _desk(options: argparse.Namespace) -> tuple[Services, BookId]:
    settings = load_settings()
    services = services_for(settings)
    return services, chosen_book(services, settings, options.book)


def _positions(options: argparse.Namespace) -> int:
    services, book = _desk(options)
    with services.store.snapshot() as tx:
        now = services.clock.now()
        badge = badge_of(tx, book)
        portfolio, working, nav = tx.ledger.portfolio(book, now), working_now(tx, book), tx.ledger.last_nav(book)
    if options.json:
        positions = [position for _, position in sorted(portfolio.positions.items())]
        guards = [order for order in working if order.is_protective]
        print_json(
            "positions",
            **of_book(book, badge),
            cash_usd=portfolio.cash_usd,
            nav=nav,
            positions=positions,
            protection=guards,
        )
        return 0
    console = Console()
    if portfolio.positions:
        console.print(positions_table(f"{badge} {book}", portfolio, working))
    else:
        print(f"{badge} {book}: no position")
    worth = "unknown" if nav is None else f"{nav.nav_usd:,.2f} USD at {nav.as_of:%Y-%m-%d %H:%M} UTC"
    console.print(f"cash {portfolio.cash_usd:,.2f} USD   NAV {worth}")
    return 0


def _orders(options: argparse.Namespace) -> int:
    services, book = _desk(options)
    with services.store.snapshot() as tx:
        badge, orders = badge_of(tx, book), tx.orders.recent(book, options.limit)
        denials = tx.checks.denials([o.order_id for o in orders])
    if options.json:
        print_json("orders", **of_book(book, badge), orders=orders, denials=denials)
        return 0
    if not orders:
        print(f"{badge} {book}: no order yet")
        return 0
    console = Console()
    console.print(orders_table(f"{badge} {book}: orders", orders))
    if denials:
        console.print(denials_table("what stands against them", denials, orders))
    return 0


def _fills(options: argparse.Namespace) -> int:
    services, book = _desk(options)
    with services.store.snapshot() as tx:
        badge, fills = badge_of(tx, book), tx.ledger.fills(book, options.limit)
    if options.json:
        print_json("fills", **of_book(book, badge), fills=fills)
    elif not fills:
        print(f"{badge} {book}: no fill yet")
    else:
        Console().print(fills_table(f"{badge} {book}: fills", fills))
    return 0
