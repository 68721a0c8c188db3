"""follow_up: an entry that rests unfilled at a real broker is repriced a few times, then left to expire.

A reprice changes the same order under the same id, so it can never buy twice. At a SIMULATED broker no time passes
while a task waits, so nothing is repriced there and paper equals replay.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from trading.domain.instruments import Symbol
from trading.domain.market import Quote
from trading.domain.orders import OPEN, Order, OrderEvent, OrderPurpose
from trading.errors import OutcomeUnknown
from trading.execution.repricing import RepricePolicy, limit_at
from trading.tasks.submission import Submission


def opened(
    desk: Submission, family: Sequence[Order], quotes: Mapping[Symbol, Quote], policy: RepricePolicy
) -> tuple[Order, ...]:
    """Return a family with the limit that its entry starts with; its stored order keeps the worst price."""
    first = family[0]
    if first.purpose is not OrderPurpose.ENTRY or first.limit_price is None or _is_simulated(desk):
        return tuple(family)
    limit = limit_at(first.limit_price, quotes.get(first.symbol), attempt=0, policy=policy)
    return replace(first, limit_price=limit), *family[1:]


def follow_up(desk: Submission, decision_id: str, policy: RepricePolicy) -> int:
    """Reprice the resting entries of a decision until they are filled or the tries are used up; reprices sent."""
    sent = 0
    if _is_simulated(desk):
        return sent
    for attempt in range(1, policy.count + 1):
        if not _resting(desk, decision_id):
            break
        time.sleep(policy.wait_seconds)
        desk.look()
        resting = _resting(desk, decision_id)
        quotes = desk.quotes([o.symbol for o in resting])
        for order in resting:
            assert order.limit_price is not None, f"{order.order_id} is an entry, so it has a limit"
            limit = limit_at(order.limit_price, quotes.get(order.symbol), attempt=attempt, policy=policy)
            sent += _reprice(desk, replace(order, limit_price=limit))
    return sent


def _reprice(desk: Submission, order: Order) -> int:
    """Send one new limit and keep it as an event of the order; 0 if the trading state forbids it by now."""
    try:
        events = desk.submit([order], desk.intents_of([order]))
    except OutcomeUnknown as unknown:
        # The order works at its old limit or at the new one, never twice: the next look goes on from there.
        desk.notes.append(str(unknown))
        return 0
    if events is None:
        return 0
    refusal = f"; {events[0].detail}" if events[0].detail else ""
    detail = f"repriced to {order.limit_price}{refusal}"
    with desk.store.transaction() as tx:
        tx.orders.record(order, OrderEvent(order.order_id, order.status, events[0].happened_at, detail=detail))
    desk.notes.append(f"{order.symbol}: {detail}")
    return 1


def _resting(desk: Submission, decision_id: str) -> list[Order]:
    return [o for o in desk.orders_of(decision_id) if o.purpose is OrderPurpose.ENTRY and o.status in OPEN]


def _is_simulated(desk: Submission) -> bool:
    return desk.broker.identity().is_simulated
