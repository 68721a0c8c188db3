"""What people are told after each hour: the decision in one line, and each execution once."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from trading.domain.decisions import Decision, DecisionKind
from trading.domain.fills import Fill
from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.domain.messages import MessageKind
from trading.domain.orders import IN_FULL, IN_PART, Order, OrderPurpose, OrderStatus
from trading.domain.signals import Outcome, Reason, RuleRole
from trading.ports import Services, Transaction
from trading.strategy.spec import StrategySpec
from trading.tasks.keeping import keep_state
from trading.tasks.report import StepReport

NEW_YORK = ZoneInfo("America/New_York")
_NEWEST_FILLS = 100
"""Executions looked at each hour; a message per execution is stored once, however often it is looked at."""


def report(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Put the hour's decision and the executions that nobody was told of into the outbox; a close keeps the book."""
    with services.store.transaction() as tx:
        keep_state(services, tx, book, slot)
        fills = tx.ledger.fills(book, limit=_NEWEST_FILLS)
        told = sum(
            _tell(tx, book, MessageKind.ORDER_FILLED, f"{book}:{fill.fill_id}", fill_text(fill)) for fill in fills
        )
        decision = tx.decisions.find(book, DecisionKind.HOURLY, slot.as_of)
        if decision is None:
            text = f"{slot.as_of.astimezone(NEW_YORK):%Y-%m-%d %H:%M}: no decision"
        else:
            orders = tx.orders.of_decision(decision.decision_id)
            text = decision_text(decision, spec.universe.traded, orders, tx.decisions.reasons(decision.decision_id))
            _tell(tx, book, MessageKind.DECISION, decision.decision_id, text)
    counts = {"fills_told": told, "decisions": int(decision is not None)}
    return StepReport("report", counts, (f"{book.badge} {text}",), decision.decision_id if decision else None)


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
    return f"{line}. {decision.note}" if decision.note else line


def fill_text(fill: Fill) -> str:
    """Return the sentence about one execution, e.g. "bought 12 NVDA at 181.0200 USD, commission 1.00 USD"."""
    verb = {"BUY": "bought", "SELL": "sold"}[fill.side]
    cost = "not reported yet" if fill.commission_usd is None else f"{fill.commission_usd:.2f} USD"
    return f"{verb} {fill.quantity.normalize():f} {fill.symbol} at {fill.price} USD, commission {cost}"


def _tell(tx: Transaction, book: BookId, kind: MessageKind, key: str, text: str) -> bool:
    return tx.controls.notify(dedupe_key=f"{kind}:{key}", book=book, kind=kind, body=f"{book.badge} {book}: {text}")


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
