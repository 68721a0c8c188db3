"""What a person asks at the desk: why, positions, orders, fills."""

from __future__ import annotations

import argparse
from datetime import datetime

from rich.console import Console

from trading.bootstrap import services_for
from trading.domain.decisions import Decision, DecisionKind
from trading.domain.instruments import BookId
from trading.entrypoints.cli_gates import parked_lines
from trading.errors import PermanentError
from trading.ports import Services, Transaction
from trading.reporting.tables import denials_table, fills_table, orders_table, positions_table, reasons_table
from trading.settings import load_settings


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    why = _command(subparsers, "why", _why, "every rule's verdict for a symbol, at the newest or a named hour")
    why.add_argument("symbol", type=str.upper, help="e.g. NVDA")
    why.add_argument("--as-of", type=datetime.fromisoformat, help="end of a session hour, e.g. 2019-06-03T14:30+00:00")
    _command(subparsers, "positions", _positions, "open positions with their protection")
    for name, run, text in (("orders", _orders, "newest orders"), ("fills", _fills, "newest fills")):
        _command(subparsers, name, run, text).add_argument("--limit", type=int, default=30, help="how many rows")


def _command(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: object, text: str
) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(name, help=text, description=text)
    parser.add_argument("--book", help="kind:name; default: the configured book")
    parser.set_defaults(run=run)
    return parser


def _desk(options: argparse.Namespace) -> tuple[Services, BookId]:
    settings = load_settings()
    return services_for(settings), BookId.parse(options.book) if options.book else settings.book


def _why(options: argparse.Namespace) -> int:
    services, book = _desk(options)
    with services.store.transaction() as tx:
        decision = _decision(tx, book, options.as_of)
        reasons = tx.decisions.reasons(decision.decision_id, options.symbol)
        orders = [o for o in tx.orders.of_decision(decision.decision_id) if o.symbol == options.symbol]
        denials = tx.checks.denials([o.order_id for o in orders])
        parked = tx.market.parked().get(options.symbol, ())
    if not reasons:
        raise PermanentError(f"{decision.decision_id} says nothing about {options.symbol}; is it in the universe?")
    console = Console()
    console.print(
        reasons_table(f"{book.badge} {book}: {options.symbol} at {decision.as_of:%Y-%m-%d %H:%M} UTC", reasons)
    )
    console.print(f"decision {decision.decision_id}  hash {decision.decision_hash}  {decision.note}")
    if orders:
        console.print(orders_table("orders of this decision", orders))
    if denials:
        console.print(denials_table("what stands against them", denials, orders))
    for line in parked_lines({options.symbol: parked}):
        print(line)
    return 0


def _decision(tx: Transaction, book: BookId, as_of: datetime | None) -> Decision:
    if as_of is not None and as_of.tzinfo is None:
        raise PermanentError(f"--as-of {as_of} has no time zone; end it with +00:00 for UTC")
    find = tx.decisions
    decision = find.newest(book, DecisionKind.HOURLY) if as_of is None else find.find(book, DecisionKind.HOURLY, as_of)
    if decision is None:
        raise PermanentError(f"{book} has no decision {'yet' if as_of is None else f'at {as_of}'}; run the hour first")
    return decision


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
