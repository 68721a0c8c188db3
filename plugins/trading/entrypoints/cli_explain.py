"""Why: `why`, `near-misses` and `explain`, from what is stored about decisions.

Exit codes beside the usual ones: 4 if a decision, judged again, is not the stored one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from rich.console import Console

from trading.bootstrap import services_for, strategy_of, verdict_files_of
from trading.domain.codec import encode
from trading.domain.decisions import DecisionKind
from trading.domain.instruments import BookId, BookKind
from trading.domain.orders import Order
from trading.domain.signals import Reason
from trading.engine.verdict_book import VerdictBook
from trading.entrypoints import arguments
from trading.entrypoints.exits import Exit
from trading.errors import PermanentError
from trading.ports import Services, StoredDenial
from trading.reporting.explain_tables import (
    decision_lines,
    held_line,
    inputs_table,
    market_line,
    matrix_tables,
    near_table,
    targets_line,
)
from trading.reporting.story_tables import stories_table
from trading.reporting.tables import denials_table, differences_table, orders_table, reasons_table
from trading.reporting.verdicts import turns, verdict_rows
from trading.reporting.wording import counted, first_hour
from trading.settings import Settings, load_settings
from trading.strategy.catalogue import spec_named
from trading.strategy.margins import NearMiss, near_misses
from trading.tasks.book_history import badge_of
from trading.tasks.explain import Recomputed, recompute
from trading.tasks.why import Why, hourly_decision, why_of_decision, why_of_file

DAYS = 7


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    why = arguments.book_command(
        subparsers, "why", _why, "every rule's verdict for a symbol, what would turn it, its orders and its position"
    )
    why.add_argument("symbol", type=str.upper, help="e.g. NVDA")
    why.add_argument(
        "--at",
        "--as-of",
        type=arguments.instant,
        help="the newest hour that ended by then, e.g. 2019-06-03T14:30+00:00; default: the newest of all",
    )
    near = arguments.book_command(subparsers, "near-misses", _near_misses, "symbols that one rule, or little, kept out")
    near.add_argument(
        "--days",
        type=arguments.positive,
        default=DAYS,
        help="calendar days before the newest hour (default: %(default)s)",
    )
    explain = subparsers.add_parser(
        "explain",
        help="a whole decision, judged again from its stored inputs",
        description="Shows inputs, verdicts, targets, orders and denials of a decision, judges it again from what is "
        "stored, and says what is not equal. Exit code 4: something is not.",
    )
    explain.add_argument("decision", help="its id, as `why` prints it, e.g. hourly.20190603T1430.paper:DU1")
    explain.set_defaults(run=_explain)
    for command in (why, near, explain):
        command.add_argument("--json", action="store_true", help="print JSON")


def _why(options: argparse.Namespace) -> int:
    services, settings, book = _desk(options)
    with services.store.snapshot() as tx:
        decision = hourly_decision(tx, book, options.at)
        found = None if decision is None else why_of_decision(tx, decision, options.symbol)
    if found is None:
        found = why_of_file(_kept(settings, book, options.at), options.symbol, options.at)
    if not found.reasons:
        spec = spec_named(settings.strategy)
        raise PermanentError(
            f"{book} judged no {options.symbol or 'blank'} in that hour; "
            f"{spec.name} trades {', '.join(spec.universe.traded)}"
        )
    if options.json:
        print(json.dumps(_why_json(found), indent=1))
    else:
        _print_why(found, options.symbol)
    return 0


def _why_json(found: Why) -> dict[str, Any]:
    reasons = [{**encode(reason), "turns": turns(reason) or None} for reason in found.reasons]
    return {**encode(found), "reasons": reasons}


def _print_why(found: Why, symbol: str) -> None:
    console = Console()
    console.print(reasons_table(found.title, verdict_rows(found.reasons)))
    console.print(found.head, highlight=False)
    if found.held is not None:
        console.print(held_line(found.held), highlight=False)
    if found.stories:
        console.print(stories_table("stories of 72 hours", found.stories))
    _print_orders(console, found.orders, found.denials)
    for line in found.notes:
        print(line)


def _print_orders(console: Console, orders: Sequence[Order], denials: Sequence[StoredDenial]) -> None:
    if orders:
        console.print(orders_table("orders of this decision", orders))
    if denials:
        console.print(denials_table("what stands against them", denials, orders))


def _near_misses(options: argparse.Namespace) -> int:
    services, settings, book = _desk(options)
    with services.store.snapshot() as tx:
        newest = tx.decisions.newest(book, DecisionKind.HOURLY)
        since = None if newest is None else newest.as_of - timedelta(days=options.days)
        reasons = () if since is None else tx.decisions.reasons_since(book, DecisionKind.HOURLY, since)
        head = f"{badge_of(tx, book)} {book}"
    if newest is None:
        reasons = _of_last_days(_kept(settings, book, None), options.days)
    found = near_misses(reasons)
    if options.json:
        print(json.dumps([_near_json(miss) for miss in found], indent=1))
    elif found:
        title = f"{head}: near misses of {counted(options.days, 'day')}"
        Console().print(near_table(title, found))
        print("nearest: how far its farthest rule is from turning, as a part of its range")
    else:
        hours = len({r.as_of for r in reasons})
        print(f"{head}: in {counted(hours, 'hour')} no symbol was kept out by one rule alone, or by little")
    return 0


def _of_last_days(kept: VerdictBook, days: int) -> tuple[Reason, ...]:
    last = kept.row_at(None) or 0
    first = kept.row_at(kept.as_of(last) - timedelta(days=days))
    rows = range(0 if first is None else first + 1, last + 1)
    return tuple(reason for row in rows for reason in kept.reasons(row))


def _near_json(miss: NearMiss) -> dict[str, Any]:
    return {**encode(miss), "closest": [{**encode(r), "turns": turns(r) or None} for r in miss.closest]}


def _explain(options: argparse.Namespace) -> int:
    settings = load_settings()
    services = services_for(settings)
    with services.store.snapshot() as tx:
        decision = tx.decisions.get(options.decision)
        if decision is None:
            raise PermanentError(
                f"there is no decision {options.decision}; ./airdesk why SYMBOL prints the id of the newest one"
            )
        again = recompute(services, tx, decision, partial(strategy_of, settings))
        reasons, targets = tx.decisions.reasons(decision.decision_id), tx.decisions.targets(decision)
        orders = tx.orders.of_decision(decision.decision_id)
        denials = tx.checks.denials([o.order_id for o in orders])
        row = tx.ledger.nav_at(decision.book, decision.as_of)
    if options.json:
        told = {"decision": decision, "reasons": reasons, "targets": targets, "orders": orders, "denials": denials}
        plain = {name: encode(value) for name, value in told.items()}
        breaker = None if row is None else encode(row.breaker)
        print(json.dumps({**plain, "breaker": breaker, "differences": encode(again.differences)}, indent=1))
        return Exit.FOUND if again.differences else 0
    console = Console()
    for line in decision_lines(decision):
        console.print(line, highlight=False)
    if row is not None and row.breaker.tripped_on is not None:
        console.print(f"the drawdown breaker tripped on {row.breaker.tripped_on}", highlight=False)
    console.print(inputs_table(again.panel))
    console.print(market_line(again.panel), highlight=False)
    for table in matrix_tables(reasons):
        console.print(table)
    console.print(targets_line(targets), highlight=False)
    _print_orders(console, orders, denials)
    return _say(console, again)


def _say(console: Console, again: Recomputed) -> int:
    """Say whether the decision, judged again, is the stored one; return the exit code."""
    if not again.differences:
        console.print(f"judged again from its stored inputs: {counted(again.count, 'verdict')} and the hash are equal")
        return 0
    rows = ((d.symbol or "", d.name, d.stored or "–", d.recomputed or "–") for d in again.differences)
    console.print(differences_table("judged again from its stored inputs it is not the same", rows))
    return Exit.FOUND


def _desk(options: argparse.Namespace) -> tuple[Services, Settings, BookId]:
    settings = load_settings()
    return services_for(settings), settings, BookId.parse(options.book) if options.book else settings.book


def _kept(settings: Settings, book: BookId, at: datetime | None) -> VerdictBook:
    """Return the file of an in-process replay.

    Raises:
        PermanentError: the book has neither a decision nor a file.
    """
    kept = verdict_files_of(settings).read(book) if book.kind is BookKind.REPLAY else None
    if kept is None:
        if at is not None:
            raise PermanentError(f"{book} has no decision by {at:%Y-%m-%d %H:%M} UTC; leave --at out for the newest")
        raise PermanentError(f"{book} has no decision yet; {first_hour(book)}")
    return kept
