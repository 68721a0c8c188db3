"""`airdesk reconcile list|show|adopt|resolve|run`: what book and broker do not agree on, and what a person does."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from rich.console import Console
from rich.table import Table

from trading.bootstrap import services_for, strategy_of
from trading.domain.instruments import BookId
from trading.domain.statements import CashKind
from trading.entrypoints import arguments
from trading.entrypoints.answers import add_json, of_book, print_json
from trading.entrypoints.books import chosen_book
from trading.entrypoints.schema import require_current_schema
from trading.ports import Break, BrokerRole, ReconciliationKind, Services
from trading.reporting.tables import shares, table_of
from trading.reporting.wording import counted
from trading.settings import Settings, load_settings
from trading.tasks.reconcile import reconcile
from trading.tasks.resolving import adopt_break, effects_of, open_break, resolve_break
from trading.tasks.sync import gate_of, now_of

Command = Callable[[argparse.Namespace], int]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    group = subparsers.add_parser("reconcile", help="compare the book with the broker; look at and settle breaks")
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = arguments.book_command(actions, "list", _list, "open breaks, oldest first")
    listing.add_argument("--all", action="store_true", help="closed ones too, with how they ended")
    show = arguments.book_command(
        actions, "show", _show, "one break: both sides, and what adopting or resolving it would do"
    )
    show.add_argument("break_id", type=int, metavar="ID", help="of a break, as `reconcile list` prints it")
    adopt = arguments.book_command(
        actions, "adopt", _adopt, "take foreign activity out of the book, or unexplained cash into it"
    )
    adopt.add_argument("--as", dest="cash_kind", type=CashKind, choices=list(CashKind), help="what the cash is")
    resolve = arguments.book_command(
        actions, "resolve", _resolve, "close a break with an explanation; end an order of unknown fate"
    )
    for command in (adopt, resolve):
        command.add_argument("break_id", type=int, metavar="ID", help="of a break, as `reconcile list` prints it")
        command.add_argument("--reason", type=arguments.reason, required=True, help="kept forever")
    run = arguments.book_command(actions, "run", _run, "compare now, without Airflow; exit code 1 if anything differs")
    add_json(listing, show, run)


def _desk(options: argparse.Namespace) -> tuple[Settings, Services, BookId]:
    settings = load_settings()
    require_current_schema(settings.database_url)
    services = services_for(settings)
    return settings, services, chosen_book(services, settings, options.book)


def _actor() -> str:
    return f"cli:{getpass.getuser()}"


def _list(options: argparse.Namespace) -> int:
    _, services, book = _desk(options)
    with services.store.snapshot() as tx:
        waiting = tx.reconciliations.breaks(book)
        closed = tx.reconciliations.breaks(book, is_open=False) if options.all else ()
        clean_at = tx.reconciliations.last_clean_at(book)
        held = tx.controls.holds(book)
        compared = tx.parity.days(book, 1)
    if options.json:
        print_json(
            "reconcile list", **of_book(book), open=waiting, closed=closed, held=held, last_clean_at=clean_at,
            parity=compared,
        )  # fmt: skip
        return 0
    console = Console()
    if waiting:
        console.print(_breaks_table(f"{book.badge} {book}: open breaks", waiting, services.clock.now()))
    else:
        print(f"{book.badge} {book}: no open break")
    if closed:
        console.print(_closed_table(f"{book.badge} {book}: closed breaks", closed))
    for symbol, reason in held.items():
        print(f"held: {symbol} ({reason})")
    for day in compared:
        print(f"beside its replay, {day.session_on}: {day.outcome}: {day.summary}")
    print(f"last comparison that lets it trade: {f'{clean_at:%Y-%m-%d %H:%M} UTC' if clean_at else 'none'}")
    return 0


def _breaks_table(title: str, found: Iterable[Break], now: datetime) -> Table:
    table = table_of(title, "break", "age", "stops", "kind", "symbol", "ours | broker")
    for one in found:
        seen = one.difference
        age = _age(max(now, one.last_seen_at) - one.first_seen_at)
        sides = f"{seen.ours} | {seen.theirs}"
        table.add_row(str(one.break_id), age, seen.kind.effect.stops, seen.kind.value, seen.symbol or "–", sides)
    return table


def _closed_table(title: str, found: Iterable[Break]) -> Table:
    table = table_of(title, "break", "closed (UTC)", "kind", "symbol", "how")
    for one in found:
        closed = f"{one.closed_at:%Y-%m-%d %H:%M}"
        how = f"{one.resolution} ({one.resolved_by})"
        table.add_row(str(one.break_id), closed, one.difference.kind.value, one.difference.symbol or "–", how)
    return table


def _age(age: timedelta) -> str:
    hours = int(age.total_seconds() // 3600)
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {int(age.total_seconds() // 60) % 60} min"


def _show(options: argparse.Namespace) -> int:
    _, services, book = _desk(options)
    with services.store.snapshot() as tx:
        found = open_break(tx, book, options.break_id)
        effects = effects_of(tx, found)
    if options.json:
        print_json("reconcile show", **of_book(book), found=found, effects=effects)
        return 0
    seen = found.difference
    print(f"{book.badge} {book}: break {found.break_id}: {seen.kind} {seen.symbol or ''}".rstrip())
    print(f"ours:    {seen.ours}")
    print(f"broker:  {seen.theirs}")
    print(f"differs: {shares(seen.quantity)} shares, {seen.cash_usd:,.2f} USD")
    print(f"seen:    {found.first_seen_at:%Y-%m-%d %H:%M} to {found.last_seen_at:%Y-%m-%d %H:%M} UTC")
    print(f"stops:   {seen.kind.effect.stops}")
    print(f"adopt:   {effects.adopt or 'not possible for this kind'}")
    print(f"resolve: {effects.resolve}")
    return 0


def _adopt(options: argparse.Namespace) -> int:
    _, services, book = _desk(options)
    done = adopt_break(
        services, book, options.break_id, reason=options.reason, actor=_actor(), cash_kind=options.cash_kind
    )
    print(f"{book.badge} {book}: break {options.break_id} adopted: {done}")
    return 0


def _resolve(options: argparse.Namespace) -> int:
    _, services, book = _desk(options)
    done = resolve_break(services, book, options.break_id, reason=options.reason, actor=_actor())
    print(f"{book.badge} {book}: break {options.break_id} resolved: {done}")
    return 0


def _run(options: argparse.Namespace) -> int:
    settings, services, book = _desk(options)
    with gate_of(services, book).connect(BrokerRole.OPERATOR) as broker:
        now = now_of(services, broker)
    spec, slot = strategy_of(settings), services.calendar.latest_slot(now)
    found = reconcile(services, spec, book, slot, kind=ReconciliationKind.OPERATOR)
    differing, older = found.counts["differences"], found.counts["older_breaks"]
    if options.json:
        print_json(
            "reconcile run", **of_book(book), at=now, differences=differing, older_breaks=older,
            positions=found.counts["positions"], notes=found.notes,
        )  # fmt: skip
        return 1 if differing or older else 0
    for note in found.notes:
        print(note)
    verdict = counted(differing, "difference") if differing else "book and broker agree"
    waiting = f", {counted(older, 'older break')} still open" if older else ""
    held = counted(found.counts["positions"], "position")
    print(f"{book.badge} {book}: {verdict} at {now:%Y-%m-%d %H:%M} UTC, {held}{waiting}")
    return 1 if differing or older else 0
