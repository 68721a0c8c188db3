"""Decisions of people: when they stand, and how they are stored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from trading.domain.decisions import Decision, DecisionKind, decision_id_for
from trading.domain.instruments import BookId
from trading.domain.orders import Order
from trading.domain.signals import Targets
from trading.ports import Services, Transaction
from trading.strategy.spec import StrategySpec
from trading.tasks.facts import code_of


def free_instant(tx: Transaction, book: BookId, kind: DecisionKind, at: datetime) -> datetime:
    """Return the broker's time, moved on by seconds where it stands still and has a decision of that kind already."""
    as_of = at.replace(microsecond=0)
    while tx.decisions.find(book, kind, as_of) is not None:
        as_of += timedelta(seconds=1)
    return as_of


def store_operator_decision(
    services: Services,
    tx: Transaction,
    spec: StrategySpec,
    book: BookId,
    *,
    as_of: datetime,
    now: datetime,
    orders: Sequence[Order],
    note: str,
) -> Decision:
    """Store what a person decided, with its orders, and return it.

    Args:
        as_of: a free instant. now: the broker's time, from which on it may be sent.
    """
    slot = services.calendar.latest_slot(now)
    decision_id = decision_id_for(book, DecisionKind.OPERATOR, as_of)
    seed = "|".join([decision_id, *(f"{o.symbol} {o.quantity}" for o in orders)])
    decision = Decision(
        decision_id=decision_id,
        book=book,
        kind=DecisionKind.OPERATOR,
        as_of=as_of,
        cutoff_at=now,
        session_on=slot.session_on,
        is_closing=slot.is_closing,
        strategy=spec.name,
        spec_hash=spec.spec_hash,
        code_version=code_of(services),
        decision_hash=hashlib.sha256(seed.encode()).hexdigest()[:16],
        nav_usd=None,
        note=note,
    )
    tx.decisions.add(decision, (), Targets(as_of, 0.0, {}), orders)
    return decision
