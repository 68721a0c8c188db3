"""What keeps entries out: list every lock, ask the broker ahead, put a symbol on the restricted list, take it off."""

from __future__ import annotations

import argparse
import getpass

from rich.console import Console

from trading.bootstrap import services_for
from trading.domain.instruments import BookId
from trading.entrypoints.answers import add_json, of_book, print_json
from trading.entrypoints.arguments import day, reason
from trading.entrypoints.books import chosen_book
from trading.errors import PermanentError
from trading.ports import Services
from trading.reporting.locks import locks_table
from trading.settings import load_settings
from trading.strategy.catalogue import spec_named
from trading.strategy.spec import StrategySpec
from trading.tasks.locks import check_restriction, locks_now
from trading.tasks.preflight import ask_ahead


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    text = "what keeps entries out now: of the book or of a symbol, since when, until when and why"
    locks = subparsers.add_parser("locks", help=text, description=text)
    text = "ask the broker whether this account may buy each symbol of the strategy; nothing is ordered"
    preflight = subparsers.add_parser("preflight", help=text, description=text)
    text = "buy nothing of a symbol until a day; what is held is sold as ever"
    ban = subparsers.add_parser("ban", help=text, description=text)
    ban.add_argument("symbol", type=str.upper, metavar="SYMBOL", help="e.g. TSLA")
    ban.add_argument("--until", type=day, help="last day, e.g. 2026-06-30; without it: until further notice")
    text = "take a symbol off the restricted list"
    unban = subparsers.add_parser("unban", help=text, description=text)
    unban.add_argument("symbol", type=str.upper, metavar="SYMBOL", help="e.g. TSLA")
    for parser, run in ((locks, _locks), (preflight, _preflight), (ban, _ban), (unban, _unban)):
        parser.add_argument("--book", help="kind:name; default: the configured book")
        parser.set_defaults(run=run)
    add_json(locks, preflight)
    for parser in (ban, unban):
        parser.add_argument("--reason", type=reason, required=True, help="kept forever")


def _desk(options: argparse.Namespace) -> tuple[Services, StrategySpec, BookId]:
    settings = load_settings()
    services = services_for(settings)
    return services, spec_named(settings.strategy), chosen_book(services, settings, options.book)


def _locks(options: argparse.Namespace) -> int:
    services, spec, book = _desk(options)
    found = locks_now(services, spec, book)
    if options.json:
        print_json("locks", **of_book(book), locks=found)
    elif found:
        Console().print(locks_table(f"{book.badge} {book}: no entry of", found))
    else:
        print(f"{book.badge} {book}: nothing is locked")
    return 0


def _preflight(options: argparse.Namespace) -> int:
    """Print one line per symbol; exit code 1 if the broker refuses what the desk would order."""
    services, spec, book = _desk(options)
    answers = tuple(ask_ahead(services, spec, book))
    if options.json:
        print_json("preflight", **of_book(book), client_category=services.client_category, answers=answers)
        return 1 if any(answer.is_surprise for answer in answers) else 0
    for answer in answers:
        kind = "signal only" if answer.is_signal_only else "refused" if answer.is_surprise else "may be bought"
        print(f"{answer.symbol}: {kind}{f'; the broker: {answer.refusal}' if answer.refusal else ''}")
    print(f"{book.badge} {book}: client category {services.client_category}; nothing was ordered")
    return 1 if any(answer.is_surprise for answer in answers) else 0


def _ban(options: argparse.Namespace) -> int:
    services, spec, book = _desk(options)
    check_restriction(services, spec, options.symbol, book=book, until=options.until)
    with services.store.transaction() as tx:
        tx.controls.restrict(book, options.symbol, until=options.until, reason=options.reason, actor=_actor())
    end = f"until {options.until}" if options.until else "until further notice"
    print(f"{book.badge} {book}: {options.symbol} is not bought {end}; an entry that works now still may fill")
    return 0


def _unban(options: argparse.Namespace) -> int:
    services, _, book = _desk(options)
    with services.store.transaction() as tx:
        if options.symbol not in tx.controls.restrictions(book):
            raise PermanentError(f"{options.symbol} is not on the restricted list of {book}; see ./airdesk locks")
        tx.controls.unrestrict(book, options.symbol, reason=options.reason, actor=_actor())
    print(f"{book.badge} {book}: {options.symbol} may be bought again")
    return 0


def _actor() -> str:
    return f"cli:{getpass.getuser()}"
