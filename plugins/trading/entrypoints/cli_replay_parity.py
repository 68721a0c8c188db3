"""`replay parity`: a day that a book lived beside the replay of that day."""

from __future__ import annotations

import argparse
import json

from rich.console import Console

from trading.bootstrap import services_for, strategy_of
from trading.domain.codec import encode
from trading.domain.instruments import BookId
from trading.domain.parity import Parity, ParityOutcome
from trading.entrypoints import arguments
from trading.entrypoints.exits import Exit
from trading.entrypoints.schema import require_current_schema
from trading.errors import PermanentError
from trading.reporting.parity_tables import differences_table, fills_table, history_table, parity_table
from trading.settings import load_settings
from trading.tasks.parity import parity_of

HISTORY_DAYS = 30
WIDTH = 150
EXIT_CODES = {
    ParityOutcome.EQUAL: Exit.DONE,
    ParityOutcome.DIFFERENT: Exit.FOUND,
    ParityOutcome.NOTHING: Exit.NOTHING,
    ParityOutcome.UNKNOWN: Exit.NOTHING,
}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "parity",
        help="compare a day of a book with the replay of that day",
        description="Replay a finished session from the book that it started from, on the facts known then, and "
        "compare inputs, verdicts, orders and fills. Exit code 0: equal; 4: different; 5: nothing to compare. "
        "Prices of fills are measured (implementation shortfall), they are no difference.",
    )
    parser.add_argument("session_on", metavar="DATE", nargs="?", type=arguments.day, help="the session")
    parser.add_argument("--book", help="kind:name; default: the configured book")
    parser.add_argument(
        "--history",
        type=arguments.positive,
        nargs="?",
        const=HISTORY_DAYS,
        metavar="DAYS",
        help="show what the nights stored instead",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    settings = load_settings()
    require_current_schema(settings.database_url)
    services, book = services_for(settings), BookId.parse(options.book) if options.book else settings.book
    if options.history is not None:
        with services.store.snapshot() as tx:
            _print_history(book, tx.parity.days(book, options.history), as_json=options.json)
        return 0
    if options.session_on is None:
        raise PermanentError("name the session, e.g. ./airdesk replay parity 2026-11-25, or ask for --history")
    session = services.calendar.session(options.session_on)
    if session is not None and session.closes_at > services.clock.now():
        raise PermanentError(f"{options.session_on} has not ended yet; compare a session that has")
    parity = parity_of(services, strategy_of(settings), book, options.session_on)
    if options.json:
        print(json.dumps(encode(parity), indent=1))
    else:
        _print(parity)
    return EXIT_CODES[parity.outcome]


def _print(parity: Parity) -> None:
    console = Console(width=max(WIDTH, Console().width))
    if parity.outcome in (ParityOutcome.EQUAL, ParityOutcome.DIFFERENT):
        console.print(parity_table(parity))
        if parity.differences:
            console.print(differences_table(parity.differences))
        if parity.fills:
            console.print(fills_table(parity.fills))
    print(f"{parity.book.badge} {parity.book} {parity.session_on}: {parity.outcome}: {parity.summary}")


def _print_history(book: BookId, days: tuple[Parity, ...], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(encode(days), indent=1))
    elif days:
        Console(width=max(WIDTH, Console().width)).print(history_table(days))
    else:
        print(f"{book}: no night has compared a day yet; nightly_reconciliation does, or name a DATE")
