"""What people are told after each hour: the decision in one line, and each execution once."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from trading.domain.decisions import Decision, DecisionKind
from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.domain.messages import MessageKind
from trading.domain.orders import IN_FULL, IN_PART, Order, OrderPurpose, OrderStatus
from trading.domain.signals import Outcome, Reason, RuleRole
from trading.engine.barred import FORESEEN
from trading.ports import Services, Transaction
from trading.strategy.margins import HELD
from trading.strategy.spec import StrategySpec
from trading.tasks.keeping import keep_state
from trading.tasks.locks import tell_locks
from trading.tasks.report import StepReport
from trading.tasks.telling import fill_key, fill_text, order_words, tell

NEW_YORK = ZoneInfo("America/New_York")
_NEWEST_FILLS = 100
"""Executions looked at each hour; a message per execution is stored once, however often it is looked at."""


def report(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Tell the hour's decision, its locks, and the executions that nobody was told of; a close keeps the book."""
    with services.store.transaction() as tx:
        keep_state(services, tx, book, slot)
        fills = tx.ledger.fills(book, limit=_NEWEST_FILLS)
        told = sum(tell(tx, book, MessageKind.ORDER_FILLED, fill_key(f), fill_text(f)) for f in fills)
        decision = tx.decisions.find(book, DecisionKind.HOURLY, slot.as_of)
        if decision is None:
            text = f"{slot.as_of.astimezone(NEW_YORK):%Y-%m-%d %H:%M}: no decision"
        else:
            text = _tell_decision(tx, spec, decision)
            tell_locks(services, spec, tx, book, slot)
    counts = {"fills_told": told, "decisions": int(decision is not None)}
    return StepReport("report", counts, (f"{book.badge} {text}",), decision.decision_id if decision else None)


def _tell_decision(tx: Transaction, spec: StrategySpec, decision: Decision) -> str:
    """Tell what was decided, and return its first line."""
    orders, reasons = tx.orders.of_decision(decision.decision_id), tx.decisions.reasons(decision.decision_id)
    text = decision_text(decision, spec.universe.traded, orders, reasons)
    lines = decision_lines(decision, orders, reasons)
    kind = MessageKind.QUIET_HOUR if is_quiet(orders) else MessageKind.DECISION
    tell(tx, decision.book, kind, f"decision:{decision.decision_id}", "\n".join((text, *lines)))
    return text


def is_quiet(orders: Sequence[Order]) -> bool:
    """Return whether an hour is no news: nothing was ordered, and what was held back was held back as foreseen.

    A closed market, a state and a lock are told where they begin, not each hour.
    """
    own = [order for order in orders if not order.is_protective]
    return all(
        order.status is OrderStatus.DENIED and (order.detail or "").partition(":")[0] in FORESEEN for order in own
    )


def decision_lines(decision: Decision, orders: Sequence[Order], reasons: Sequence[Reason]) -> tuple[str, ...]:
    """Return the lines below the first one: what is bought and sold, what was held back and why, gates, and NAV."""
    own = [order for order in orders if not order.is_protective]
    gates = sorted({r.rule for r in reasons if r.role is RuleRole.BLOCK and r.outcome is Outcome.PASS} - {HELD})
    nav = "unknown: a held symbol has no price" if decision.nav_usd is None else f"{decision.nav_usd:,.2f} USD"
    return (
        *(order_words(o) for o in own if o.status is not OrderStatus.DENIED),
        *(f"held back: {order_words(o)}: {o.detail}" for o in own if o.status is OrderStatus.DENIED),
        *((f"closed gates: {', '.join(gates)}",) if gates else ()),
        f"NAV {nav}",
    )


def decision_text(decision: Decision, traded: Sequence[str], orders: Sequence[Order], reasons: Sequence[Reason]) -> str:
    """Return the one line about a decision, e.g. "decision 10:30: 2 entries, 1 exit, 3 blocked, 4 without a signal".

    Blocked are symbols that a blocking rule or a veto kept out; the entry's protection is not counted as an order.
    """
    acted = [o for o in orders if o.status is not OrderStatus.DENIED and not o.is_protective]
    moved = {o.symbol for o in acted}
    denied = {o.symbol for o in orders if o.status is OrderStatus.DENIED}
    barred = {r.symbol for r in reasons if r.role is RuleRole.BLOCK and r.outcome is Outcome.PASS}
    blocked = ((denied | barred) & set(traded)) - moved
    parts = [
        *(
            _counted(sum(o.purpose in purposes for o in acted), one, many)
            for purposes, one, many in (
                (frozenset({OrderPurpose.ENTRY}), "entry", "entries"),
                (IN_FULL, "exit", "exits"),
                (IN_PART, "trim", "trims"),
            )
            if purposes is not IN_PART or any(o.purpose in purposes for o in acted)
        ),
        f"{len(blocked)} blocked",
        f"{len(set(traded) - moved - blocked)} without a signal",
    ]
    line = f"decision {decision.as_of.astimezone(NEW_YORK):%H:%M}: {', '.join(parts)}"
    # The counts of the note are those of legs; here are those of names, which a person asks about.
    remarks = [part for part in decision.note.split("; ") if not part.endswith(" denied")] if decision.note else []
    return ". ".join([line, *remarks])


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
