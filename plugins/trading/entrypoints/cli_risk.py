"""`./airdesk risk` and `./airdesk rebalance preview`: what the book risks, and what a rebalance changes."""

from __future__ import annotations

import argparse
from datetime import datetime

from rich.console import Console

from trading.bootstrap import services_for
from trading.domain.instruments import BookId
from trading.entrypoints.answers import add_json, of_book, print_json
from trading.entrypoints.arguments import instant
from trading.errors import PermanentError
from trading.settings import load_settings
from trading.strategy.catalogue import spec_named
from trading.tasks.rebalance import shown
from trading.tasks.risk import read_risk, risk_lines


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    text = "drawdown, breaker, VIX regime, sectors against their bands, correlations"
    risk = subparsers.add_parser("risk", help=text, description=f"Show what the book risks: {text}.")
    risk.add_argument("--book", help="kind:name; default: the configured book")
    risk.add_argument("--at", type=instant, help="as of this instant, e.g. 2019-06-03T14:30+00:00; default: the newest")
    risk.set_defaults(run=_risk)
    add_json(risk)
    parser = subparsers.add_parser(
        "rebalance", help="what a rebalance changes", description="Show what a rebalance changes; nothing is sent."
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    preview = actions.add_parser("preview", help="weights before and after, trades, tax and wash sales")
    preview.add_argument(
        "--at", type=instant, help="the rebalance that was decided at this instant; default: one of now"
    )
    preview.set_defaults(run=_preview)
    add_json(preview)


def _risk(options: argparse.Namespace) -> int:
    settings = load_settings()
    book = BookId.parse(options.book) if options.book else settings.book
    services, spec = services_for(settings), spec_named(settings.strategy)
    if options.json:
        found = read_risk(services, spec, book, _at(options))
        print_json(
            "risk",
            **of_book(book),
            risk=found.risk,
            phase=found.risk.phase,
            correlation_of_book=found.of_book,
            mean_correlations=found.means,
        )
    else:
        console = Console()
        for line in risk_lines(services, spec, book, _at(options)):
            console.print(line, highlight=False, markup=False)
    return 0


def _preview(options: argparse.Namespace) -> int:
    settings = load_settings()
    if settings.book is None:
        raise PermanentError("no book is configured; set AIRDESK_BOOK")
    preview, is_stored = shown(services_for(settings), spec_named(settings.strategy), settings.book, _at(options))
    if options.json:
        print_json("rebalance preview", **of_book(settings.book), is_stored=is_stored, preview=preview)
        return 0
    print(
        f"{settings.book.badge} "
        + ("as it was decided" if is_stored else "as it would be now; nothing is stored or sent")
    )
    print("\n".join(preview.lines()))
    return 0


def _at(options: argparse.Namespace) -> datetime | None:
    at: datetime | None = options.at
    return at
