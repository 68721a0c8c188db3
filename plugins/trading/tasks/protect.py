"""protect: each long has exactly one live stop and target for exactly its shares, repaired on the broker's evidence.

Runs at the end of `sync_broker`, around the sending in `execute`, and every night. A repair is a decision of its own
(kind PROTECTION): planned, committed, reserved and sent like everything else. What an earlier attempt planned but did
not send is forgotten and planned anew from what the broker shows now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from trading import __version__
from trading.domain.decisions import Decision, DecisionKind, decision_id_for
from trading.domain.instruments import Symbol
from trading.domain.messages import MessageKind
from trading.domain.orders import Order, OrderRef, OrderStatus
from trading.domain.portfolio import TradingState
from trading.domain.signals import Targets
from trading.errors import OutcomeUnknown
from trading.execution.planner import PlanTerms
from trading.execution.protection import Repairs, plan_protection, plan_repairs
from trading.ports import Services, Transaction
from trading.strategy.spec import StrategySpec
from trading.tasks.holdings import holdings
from trading.tasks.operator import free_instant
from trading.tasks.sending import resize, send_family
from trading.tasks.submission import Submission

ROUNDS = 5
"""Cancel, resize, call back, place, and one more look: a repair that needs longer is left to the next run."""


def ensure_protection(services: Services, spec: StrategySpec, desk: Submission) -> int:
    """Repair the protection of every position and return how many orders were cancelled, resized or placed.

    Raises:
        OutcomeUnknown: a new protection was sent without an answer; it is parked and alarmed.
    """
    with services.store.transaction() as tx:
        if tx.controls.trading_state(desk.book) is TradingState.LOCKED:
            return 0
    _forget_unsent(desk)
    changed = 0
    placed: set[Symbol] = set()
    asked: set[OrderRef] = set()
    called_back: set[Symbol] = set()
    for _ in range(ROUNDS):
        repairs = plan(services, spec, desk)
        # What the broker does not do when asked is left as it is: it must not keep other symbols unguarded.
        if cancelled := [o for repair in repairs for o in repair.cancel if o.order_id not in asked]:
            desk.cancel(cancelled)
            asked |= {o.order_id for o in cancelled}
            # A new pair whose target sold a part at once leaves the rest bare, and it is placed again.
            placed -= {o.symbol for o in cancelled}
            changed += len(cancelled)
        elif wrong := [r for r in repairs if any(o.order_id not in asked for o in r.resize)]:
            changed += sum(_resize(desk, repair) for repair in wrong)
            asked |= {o.order_id for repair in wrong for o in repair.resize}
        elif (bare := [r for r in repairs if r.place and r.holding.symbol not in placed]) and _may_place(desk):
            symbols = {repair.holding.symbol for repair in bare}
            unasked, called_back = symbols - called_back, called_back | symbols
            if unasked and desk.call_back_missing(unasked):
                continue
            placed |= symbols
            changed += _place(services, spec, desk, bare)
        else:
            break
    _tell(services, desk, plan(services, spec, desk) if changed else repairs)
    return changed


def plan(services: Services, spec: StrategySpec, desk: Submission) -> list[Repairs]:
    """Return what must change, by what the book holds and the latest snapshot shows; nothing for what is sound."""
    next_session_on = services.calendar.next_session(desk.seen.taken_at.date()).session_on
    with services.store.transaction() as tx:
        found = holdings(tx, spec, desk.book, desk.seen)
    planned = (plan_repairs(holding, next_session_on=next_session_on) for holding in found)
    return [repair for repair in planned if repair.why is not None]


def _forget_unsent(desk: Submission) -> None:
    """End protection of an earlier attempt that never left; park what left without a trace."""
    with desk.store.transaction() as tx:
        unsent = [o for o in tx.orders.unsent(desk.book) if o.is_protective and o.parent_id is None]
    intents = desk.intents_of(unsent)
    for order in unsent:
        intent = intents.get(order.order_id)
        if intent is None or desk.is_unseen(intent):
            desk.end([order], OrderStatus.EXPIRED, "its protection was not sent; it is planned anew")
        else:
            desk.give_up([order], "its id is used up, but the broker shows no such order")


def _may_place(desk: Submission) -> bool:
    """Whether fresh ids may be used: a higher id makes the broker refuse a lower one that still waits to be sent."""
    with desk.store.transaction() as tx:
        waiting = [o for o in tx.orders.unsent(desk.book) if o.status is OrderStatus.RESERVED]
    if waiting:
        desk.notes.append(f"{waiting[0].symbol}: {waiting[0].order_id} is sent before any protection is placed")
    return not waiting


def _resize(desk: Submission, repair: Repairs) -> int:
    resize(desk, repair.resize)
    return len(repair.resize)


def _place(services: Services, spec: StrategySpec, desk: Submission, repairs: Sequence[Repairs]) -> int:
    """Store the decision with its pairs, then send each; one that stays without an answer keeps no other back."""
    with services.store.transaction() as tx:
        pairs = _decide(services, spec, tx, desk, repairs)
    sent, lost = 0, None
    for pair in pairs:
        try:
            sent += send_family(desk, pair)
        except OutcomeUnknown as unknown:
            lost = unknown
    desk.look()
    if lost is not None:
        raise lost
    return sent


def _decide(
    services: Services, spec: StrategySpec, tx: Transaction, desk: Submission, repairs: Sequence[Repairs]
) -> list[tuple[Order, Order]]:
    as_of = free_instant(tx, desk.book, DecisionKind.PROTECTION, desk.seen.taken_at)
    slot = services.calendar.latest_slot(as_of)
    decision_id = decision_id_for(desk.book, DecisionKind.PROTECTION, as_of)
    guard = spec.protection
    terms = PlanTerms(desk.book, decision_id, as_of, 0.0, guard.trail_frac, guard.take_profit_frac)
    pairs = plan_protection(terms, repairs)
    text = "|".join(f"{o.symbol} {o.purpose} {o.quantity} {o.stop_price} {o.limit_price}" for p in pairs for o in p)
    decision = Decision(
        decision_id=decision_id,
        book=desk.book,
        kind=DecisionKind.PROTECTION,
        as_of=as_of,
        cutoff_at=as_of,
        session_on=slot.session_on,
        is_closing=False,
        strategy=spec.name,
        spec_hash=spec.spec_hash,
        code_version=__version__,
        decision_hash=hashlib.sha256(f"{spec.spec_hash}|{text}".encode()).hexdigest()[:16],
        nav_usd=None,
        note="; ".join(f"{r.holding.symbol}: {r.why}" for r in repairs if r.place),
    )
    tx.decisions.add(decision, (), Targets(as_of, 0.0, {}), [order for pair in pairs for order in pair])
    return pairs


def _tell(services: Services, desk: Submission, left: Sequence[Repairs]) -> None:
    """Say which protection could not be repaired, once per session and symbol."""
    for repair in left:
        symbol = repair.holding.symbol
        desk.notes.append(f"{symbol}: {repair.why}")
        with services.store.transaction() as tx:
            tx.controls.notify(
                dedupe_key=f"protection:{desk.book}:{symbol}:{desk.seen.taken_at:%Y-%m-%d}",
                book=desk.book,
                kind=MessageKind.PROTECTION,
                body=f"{desk.book.badge} {desk.book}: {symbol}: {repair.why}; it is repaired at the next look, "
                "watch the position until then",
            )
