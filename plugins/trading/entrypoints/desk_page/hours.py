"""One hour for the page: found by its book and instant, as rows for scripts and as the matrix that people read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from trading.domain.decisions import DecisionKind
from trading.domain.instruments import Symbol
from trading.domain.orders import Order, OrderPurpose, OrderStatus
from trading.domain.signals import Outcome, Reason, RuleRole
from trading.entrypoints.desk_page.desk import BookChoice, Desk
from trading.entrypoints.desk_page.words import new_york, new_york_long, rendered
from trading.ports import StoredDenial, Transaction
from trading.reporting.verdicts import ROLES, VerdictRow, verdict_rows
from trading.strategy.margins import HELD
from trading.tasks.hour import HourView, hour_of_decision, hour_of_file
from trading.tasks.why import hourly_decision


@dataclass(frozen=True, slots=True)
class Line:
    """One rule of the matrix, a cell for each symbol; None where the rule said nothing about it."""

    rule: str
    cells: tuple[VerdictRow | None, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The rules of one role."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of a symbol.

    Attributes:
        word: buy, sell, held, denied or out. told: the same in a sentence.
    """

    symbol: Symbol
    word: str
    told: str


def find_hour(desk: Desk, tx: Transaction, choice: BookChoice, at: datetime | None) -> HourView | None:
    """Return the newest hour of a book that ended by `at`, the newest of all for None; None where nothing is kept."""
    if not choice.is_run:
        decision = hourly_decision(tx, choice.book, at)
        return None if decision is None else hour_of_decision(tx, decision, desk.spec.universe.traded)
    kept = desk.kept(choice.book)
    row = None if kept is None else kept.row_at(at)
    return None if kept is None or row is None else hour_of_file(kept, row)


def instants_of(desk: Desk, tx: Transaction, choice: BookChoice) -> list[int]:
    """Return the ends of every hour of a book as minutes: the first since 1970, then each since the one before."""
    if choice.is_run:
        kept = desk.kept(choice.book)
        seconds = [] if kept is None else kept.curve.as_of.astype("datetime64[s]").astype(int).tolist()
    else:
        seconds = list(tx.decisions.instants(choice.book, DecisionKind.HOURLY))
    minutes = [second // 60 for second in seconds]
    return minutes[:1] + [after - before for before, after in pairwise(minutes)]


def hour_json(hour: HourView) -> dict[str, Any]:
    """Return an hour for scripts: the rows that `./airdesk why` prints, and the fragment that shows them."""
    return {
        "book": str(hour.book),
        "at": int(hour.as_of.timestamp()),
        "label": new_york_long(hour.as_of),
        "decision_id": hour.decision_id,
        "said": hour.said,
        "kept_out": [list(one) for one in hour.kept_out],
        "verdicts": [_plain(row) for row in verdict_rows(hour.reasons)],
        "html": hour_html(hour),
    }


def _plain(row: VerdictRow) -> dict[str, Any]:
    return asdict(row) | {"input_at": None if row.input_at is None else row.input_at.isoformat()}


def tag_of(body: bytes) -> str:
    """Return the ETag of a reply."""
    return f'"{hashlib.sha256(body).hexdigest()[:24]}"'


def hour_html(hour: HourView) -> str:
    """Return the matrix of an hour with its orders, denials and targets."""
    named = {order.order_id: order for order in hour.orders}
    return rendered(
        "hour.html",
        hour=hour,
        groups=matrix(hour.symbols, hour.reasons),
        outcomes=[outcome_of(hour, symbol) for symbol in hour.symbols],
        shown=[order for order in hour.orders if order.status is not OrderStatus.DENIED],
        denials=[(named[d.order_id], d) for d in hour.denials if d.order_id in named],
        denied=denied_by(hour),
        tone=tone_of,
        told=told_of,
    )


def denied_by(hour: HourView) -> list[tuple[str, list[Symbol]]]:
    """Return which symbols each check denied, the check that denied most first; protection goes with its entry."""
    named = {order.order_id: order for order in hour.orders if not order.is_protective}
    found: dict[str, list[Symbol]] = {}
    for stored in hour.denials:
        if (order := named.get(stored.order_id)) is not None:
            symbols = found.setdefault(stored.denial.code, [])
            symbols += [] if order.symbol in symbols else [order.symbol]
    return sorted(found.items(), key=lambda one: (-len(one[1]), one[0]))


def matrix(symbols: Sequence[Symbol], reasons: Sequence[Reason]) -> tuple[Group, ...]:
    """Return verdicts by role and rule, a cell for each symbol."""
    rows = verdict_rows(reasons)
    cells: Mapping[tuple[RuleRole, str, Symbol], VerdictRow] = {(r.role, r.rule, r.symbol): r for r in rows}
    rules: dict[RuleRole, list[str]] = {}
    for row in rows:
        if row.rule not in (known := rules.setdefault(row.role, [])):
            known.append(row.rule)
    return tuple(
        Group(ROLES[role], tuple(Line(r, tuple(cells.get((role, r, s)) for s in symbols)) for r in named))
        for role, named in rules.items()
    )


def tone_of(row: VerdictRow) -> str:
    """Return the class that colours a cell: what keeps a symbol out, what lets it in, and what has no say now."""
    if row.is_in_the_way:
        return "out"
    if row.outcome is Outcome.ABSTAIN:
        return "idle"
    return "in" if row.role in (RuleRole.ENTRY_REQUIRED, RuleRole.ENTRY_OPTIONAL, RuleRole.SHRINK) else "idle"


def told_of(row: VerdictRow) -> str:
    """Return what a cell tells whoever points at it, with the time in New York."""
    words = row.words(new_york)
    seen = f"{row.symbol} · {row.rule}: {row.outcome}; seen {row.observed}, threshold {row.threshold}"
    return f"{seen}; {words}" if words else seen


def outcome_of(hour: HourView, symbol: Symbol) -> Outcomes:
    """Return what an hour did with a symbol, and in a sentence why."""
    orders = [order for order in hour.orders if order.symbol == symbol and not order.is_protective]
    denied = [order for order in orders if order.status is OrderStatus.DENIED]
    sent = [order for order in orders if order.status is not OrderStatus.DENIED]
    if sent:
        word = "buy" if sent[0].purpose is OrderPurpose.ENTRY else "sell"
        return Outcomes(symbol, word, f"{symbol}: {'; '.join(map(_order_text, sent))}")
    if denied:
        return Outcomes(symbol, "denied", f"{symbol}: denied, {_denial_text(denied[0], hour.denials)}")
    against = [row for row in verdict_rows(r for r in hour.reasons if r.symbol == symbol) if row.is_in_the_way]
    if any(row.rule == HELD for row in against):
        return Outcomes(symbol, "held", f"{symbol}: held already")
    names = ", ".join(row.rule for row in against)
    if names:
        return Outcomes(symbol, "out", f"{symbol}: kept out by {names}")
    return Outcomes(symbol, "none", f"{symbol}: no rule is in the way, and nothing was ordered: it has its share")


def _order_text(order: Order) -> str:
    return f"{order.purpose} {order.side} {order.quantity.normalize():f}, {order.status}"


def _denial_text(order: Order, denials: Sequence[StoredDenial]) -> str:
    found = next((d.denial for d in denials if d.order_id == order.order_id), None)
    return (order.detail or "no reason stored") if found is None else f"{found.code}: {found.detail}"
