"""The switches: state, halt, reduce, resume, lock, unlock, flatten. They need neither Airflow nor Telegram."""

from __future__ import annotations

import argparse
import getpass
import os
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console

from trading.bootstrap import services_for, strategy_of
from trading.domain.instruments import BookId
from trading.domain.portfolio import TradingState
from trading.entrypoints.answers import add_json, of_book, print_json
from trading.entrypoints.arguments import reason
from trading.entrypoints.books import chosen_book
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.databases import command_database, settings_of
from trading.entrypoints.run_record import RunRecord, is_running
from trading.entrypoints.unlocking import unlock_with, write_unlock_code
from trading.errors import AirdeskError
from trading.ports import Services
from trading.reporting.guards import guards_table
from trading.reporting.wording import counted
from trading.settings import Settings, load_settings
from trading.tasks.confirmation import VALID_SECONDS, ask_for_code, redeem
from trading.tasks.flatten import holdings
from trading.tasks.glance import UNOPENED
from trading.tasks.kill_switch import DISCRETIONARY, Change, Sweep, sweep
from trading.tasks.operating import Stopped, halt_book, lock_book, reduce_book, resume_book
from trading.tasks.selling import flatten_book


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    add_json(_command(subparsers, "state", _state, "trading state of the book"))
    halt = _command(subparsers, "halt", _halt, "send nothing new, take back entries and exits, verify every protection")
    halt.add_argument(
        "--cancel-protection", action="store_true", help="cancel stops and targets too, and lock the book"
    )
    # The halt itself works without a database, by its file flag.
    halt.set_defaults(needs_database=False)
    _command(subparsers, "reduce", _reduce, "allow exits only, take back entries")
    resume = _command(subparsers, "resume", _resume, "trade again, once the books equal the broker's")
    resume.add_argument("--reduce-only", action="store_true", help="allow exits only")
    lock = _command(subparsers, "lock", _lock, "cancel everything, protections too, and send nothing at all")
    unlock = _command(subparsers, "unlock", _unlock, "turn a locked book into a halted one")
    flatten = _command(subparsers, "flatten", _flatten, "sell every position")
    for parser, word in ((halt, "halt"), (lock, "lock"), (unlock, "unlock"), (flatten, "flatten")):
        parser.add_argument("--code", help="the one-time code that this command gave you a moment ago")
        parser.set_defaults(word=word)


def _command(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: object, text: str
) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(name, help=text, description=text)
    parser.add_argument("--book", help="kind:name; default: the configured book")
    if name != "state":
        # A halt is never refused for want of words.
        worded = (lambda text: text.strip() or f"{name} by operator") if name == "halt" else reason
        needs, default = name == "resume", f"{name} by operator"
        parser.add_argument("--reason", type=worded, required=needs, default=default, help="kept forever")
    parser.set_defaults(run=run)
    return parser


def _desk(options: argparse.Namespace) -> tuple[Settings, Services, BookId]:
    settings = load_settings()
    book = BookId.parse(options.book) if options.book else settings.book
    services = services_for(replace(settings, book=book))
    return settings, services, chosen_book(services, settings, options.book)


def _actor() -> str:
    return f"cli:{getpass.getuser()}"


# --- commands -----------------------------------------------------------------------------------


def _state(options: argparse.Namespace) -> int:
    settings, services, book = _desk(options)
    with services.store.snapshot() as tx:
        is_open = book in tx.ledger.books()
        state, why = tx.controls.trading_state(book), tx.controls.state_reason(book)
    # A person may stop a book before its first hour, and then that hour finds it stopped.
    is_set = is_open or why is not None
    if options.json:
        known = state if is_set else None
        print_json("state", **of_book(book), state=known, reason=why, is_flag_raised=settings.halt_file.exists())
        return 0
    unopened = "" if is_open else UNOPENED
    print(f"{book.badge} {book}: {'; '.join(filter(None, (str(state) if is_set else '', unopened)))}")
    if why:
        print(f"set by {why}")
    if settings.halt_file.exists():
        print(f"the file flag {settings.halt_file} is raised: nothing is sent while it exists")
    return 0


def _halt(options: argparse.Namespace) -> int:
    if options.cancel_protection:
        with command_database(Checkout.from_environment(os.environ), os.environ):
            return _lock(options)
    checkout = Checkout.from_environment(os.environ)
    try:
        with command_database(checkout, os.environ):
            _, services, book = _desk(options)
            return _stopped(book, halt_book(services, book, reason=options.reason, actor=_actor()))
    except AirdeskError as away:
        return _halt_by_flag(options, checkout, away)


def _halt_by_flag(options: argparse.Namespace, checkout: Checkout, cause: Exception) -> int:
    """Raise the file flag, and clear the broker's book as far as that goes without our database."""
    exports = RunRecord.read(checkout.state).exports if is_running(checkout.state) else {}
    settings = load_settings({**os.environ, **settings_of(checkout, "postgresql://"), **exports})
    settings.halt_file.parent.mkdir(parents=True, exist_ok=True)
    settings.halt_file.write_text(f"{options.reason}\n", encoding="utf-8")
    print(f"the state could not be stored ({cause})")
    print(f"raised the file flag {settings.halt_file} instead: nothing is sent while it exists; halt again later")
    book = BookId.parse(options.book) if options.book else settings.book
    _tell(book, sweep(services_for(settings).broker, book, DISCRETIONARY))
    return 1


def _reduce(options: argparse.Namespace) -> int:
    _, services, book = _desk(options)
    return _stopped(book, reduce_book(services, book, reason=options.reason, actor=_actor()))


def _resume(options: argparse.Namespace) -> int:
    settings, services, book = _desk(options)
    after = TradingState.REDUCE_ONLY if options.reduce_only else TradingState.ACTIVE
    done = resume_book(
        services, strategy_of(settings), book,
        after=after, reason=options.reason, actor=_actor(), halt_file=settings.halt_file,
    )  # fmt: skip
    print(f"{book.badge} {book}: {done.change}")
    if done.halted_by:
        print(f"it was halted by {done.halted_by}")
    return 0


def _lock(options: argparse.Namespace) -> int:
    _, services, book = _desk(options)
    if not options.code:
        found = sweep(services.broker, book, ())
        _tell(book, found)
        effect = [str(h) for h in holdings(services, book)] if found.problem is None else []
        return _offer(services, book, options.word, "lock", ["loses its protection: " + line for line in effect])
    redeem(services.store, book, "lock", options.code)
    done = lock_book(services, book, reason=options.reason, actor=_actor())
    _told(book, done.change, done.sweep)
    return 0 if done.sweep.problem is None and not done.sweep.working and done.change.sends_ended else 1


def _unlock(options: argparse.Namespace) -> int:
    settings, services, book = _desk(options)
    if not options.code:
        path = write_unlock_code(settings, services, book, actor=_actor())
        print(f"wrote a code into {path}; within {VALID_SECONDS} s: ./airdesk unlock --code CODE --reason …")
        return 1
    change = unlock_with(settings, services, book, options.code, reason=options.reason, actor=_actor())
    print(f"{book.badge} {book}: {change}")
    return 0


def _flatten(options: argparse.Namespace) -> int:
    settings, services, book = _desk(options)
    if not options.code:
        lines = [f"sells {holding}" for holding in holdings(services, book)]
        return _offer(services, book, "flatten", "flatten", lines or ["holds nothing; there is nothing to sell"])
    redeem(services.store, book, "flatten", options.code)
    done = flatten_book(
        services, strategy_of(settings), book, reason=options.reason, actor=_actor(), halt_file=settings.halt_file
    )
    if done.change is not None:
        _told(book, done.change, done.sweep)
    for line in done.lines:
        print(line)
    return 0 if done.is_done else 1


# --- parts --------------------------------------------------------------------------------------


def _offer(services: Services, book: BookId, word: str, action: str, effect: Sequence[str]) -> int:
    """Show what a command would do and give the code that does it."""
    for line in effect:
        print(f"{book.badge} {book}: {line}")
    code = ask_for_code(services.store, book, action, actor=_actor())
    switch = " --cancel-protection" if (word, action) == ("halt", "lock") else ""
    print(f"nothing was done yet; within {VALID_SECONDS} s: ./airdesk {word}{switch} --code {code}")
    return 1


def _stopped(book: BookId, done: Stopped) -> int:
    _told(book, done.change, done.sweep)
    return 0 if done.is_safe else 1


def _told(book: BookId, change: Change, found: Sweep) -> None:
    print(f"{book.badge} {book}: {change}")
    if not change.sends_ended:
        print("a send was under way and did not end; look again with ./airdesk halt in a minute")
    _tell(book, found)


def _tell(book: BookId, found: Sweep) -> None:
    if found.problem is not None:
        print(f"NOT VERIFIED: {found.problem}")
        print("look at orders and positions in TWS, cancel entries there, and run ./airdesk halt again")
        return
    print(f"{counted(found.cancelled, 'order')} cancelled, {len(found.working)} still work")
    for line in found.working:
        print(f"STILL WORKS: {line}; cancel it in TWS")
    for line in found.foreign:
        print(f"not ours, left alone: {line}")
    if found.guards:
        Console().print(guards_table(f"{book.badge} {book}", found.guards))
    if found.bare is not None:
        print(found.bare)
