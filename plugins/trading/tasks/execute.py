"""execute: send what was decided, at most once, whatever happens in between. One path for loops, rebalance and people.

The protocol (docs/adr/0007-exactly-once.md): writer lock and epoch → one fixed client id → complete snapshot → adopt
what the broker has → reserve ids and commit → send through the gate → record. A retry meets its own traces: an order
that the broker lists is adopted; one whose reserved id the broker has not seen is sent again under the same id; one
whose id is used up without a trace is UNKNOWN and never sent again by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from trading.domain.decisions import Decision, DecisionKind
from trading.domain.instruments import BookId
from trading.domain.market import Slot, session_slots
from trading.domain.orders import IN_PART, Order, OrderPurpose, OrderStatus, TimeInForce
from trading.errors import BrokerRefused, InvariantBroken, OutcomeUnknown, PermanentError
from trading.execution.repricing import RepricePolicy
from trading.ports import Intent, MarketCalendar, Services
from trading.strategy.spec import StrategySpec
from trading.tasks.approval import holds_back
from trading.tasks.evidence import families_of
from trading.tasks.follow_up import follow_up, opened
from trading.tasks.protect import ensure_protection
from trading.tasks.report import StepReport
from trading.tasks.sending import send_family
from trading.tasks.submission import Submission
from trading.tasks.sync import gate_of, now_of
from trading.tasks.vetting import Vetting

UNSENT = frozenset({OrderStatus.PLANNED, OrderStatus.RESERVED})
OPERATOR_WINDOW = timedelta(minutes=30)
"""How long what an operator ordered may still be sent."""

REPRICING = RepricePolicy()


def execute(
    services: Services,
    spec: StrategySpec,
    book: BookId,
    slot: Slot,
    *,
    kind: DecisionKind = DecisionKind.HOURLY,
) -> StepReport:
    """Send the orders of the decision of `slot` that the broker does not have yet; exits before entries.

    Only the book's newest decision of its kind is sent, and only until the next slot. Anything else reconciles what
    was sent and sends nothing.
    """
    with services.store.transaction() as tx:
        decision = tx.decisions.find(book, kind, slot.as_of)
    if decision is None:
        return StepReport("execute", notes=(f"no {kind} decision at {slot.as_of:%Y-%m-%d %H:%M} UTC; nothing is sent",))
    with _writer(services, book) as desk:
        return _carry_out(services, spec, desk, decision, slot, ends_at=window_ends_at(services.calendar, slot))


def send_operator_decision(services: Services, spec: StrategySpec, book: BookId, decision_id: str) -> StepReport:
    """Send the orders of a stored decision of a person (kind OPERATOR), by the same protocol and checks.

    Its `as_of` is any instant, by the broker's clock where the broker is simulated; it is sent only while it is the
    newest of its kind and for half an hour. Calling again sends what is missing and nothing twice.
    """
    with services.store.transaction() as tx:
        decision = tx.decisions.newest(book, DecisionKind.OPERATOR)
    if decision is None or decision.decision_id != decision_id:
        note = f"{decision_id} is not the newest operator decision of {book}; nothing is sent"
        return StepReport("execute", notes=(note,), decision_id=decision_id)
    with _writer(services, book) as desk:
        slot = services.calendar.latest_slot(now_of(services, desk.broker))
        return _carry_out(services, spec, desk, decision, slot, ends_at=decision.as_of + OPERATOR_WINDOW)


@contextmanager
def _writer(services: Services, book: BookId) -> Iterator[Submission]:
    """Hold the writer's lock and the one connection, after a first complete look."""
    with services.store.order_writer(book) as epoch, gate_of(services, book).connect() as broker:
        desk = Submission(services.store, broker, book, epoch)
        desk.look()
        yield desk


def _carry_out(
    services: Services, spec: StrategySpec, desk: Submission, decision: Decision, slot: Slot, *, ends_at: datetime
) -> StepReport:
    now = now_of(services, desk.broker)
    with services.store.transaction() as tx:
        newest = tx.decisions.newest(desk.book, decision.kind)
    why_not = _why_not(decision, newest or decision, now, ends_at)
    sent = 0
    if why_not is None:
        sent = _send_all(services, spec, desk, decision, slot, Vetting(services, spec, desk, decision, slot, ends_at))
    else:
        desk.notes.append(why_not)
    return _report(desk, decision, sent)


def _send_all(
    services: Services, spec: StrategySpec, desk: Submission, decision: Decision, slot: Slot, vetting: Vetting
) -> int:
    """Send every family that still fits, with protection repaired before and after.

    A family of unknown fate, or one that is refused after room was made for it, ends the sending; it is raised once
    what the broker does show is protected.
    """
    sent, lost = 0, None
    _settle_orphans(desk, decision)
    try:
        ensure_protection(services, spec, desk)
        unsent = families(desk.orders_of(decision.decision_id))
        entering = [family[0].symbol for family in unsent if family[0].purpose is OrderPurpose.ENTRY]
        for family in unsent:
            if not _still_opens(services.calendar, family[0], slot, now_of(services, desk.broker)):
                continue
            fit, vetoes = vetting.judge(family, entering)
            if vetoes:
                desk.deny(family, vetoes[0].order.detail or vetoes[0].code, vetoes[0].denials)
            elif not holds_back(services, desk, family):
                sent += send_family(desk, opened(desk, fit, vetting.quotes, REPRICING))
        desk.look()
        follow_up(desk, decision.decision_id, REPRICING)
    except (OutcomeUnknown, BrokerRefused) as stopped:
        lost = stopped
        if isinstance(stopped, BrokerRefused):
            _forget_refused(desk, decision)
    desk.look()
    ensure_protection(services, spec, desk)
    if lost is not None:
        raise lost
    return sent


def _forget_refused(desk: Submission, decision: Decision) -> None:
    """End what holds ids and was refused here; else it would keep the protection back that must be placed anew."""
    for family in families_of(o for o in desk.orders_of(decision.decision_id) if o.status is OrderStatus.RESERVED):
        desk.deny(family, "it was refused before it left")


def families(orders: Sequence[Order]) -> list[tuple[Order, ...]]:
    """Return the unsent orders in sending order, each entry with the protection that waits for it.

    What has reserved ids goes first and in their order, because a higher id makes the broker refuse a lower one;
    then sales, then entries.
    """
    groups: dict[str, list[Order]] = {}
    for order in sorted(orders, key=lambda o: o.leg):
        if order.status in UNSENT:
            groups.setdefault(order.parent_id or order.order_id, []).append(order)
    for name, legs in groups.items():
        if legs[0].order_id != name:
            raise InvariantBroken(f"{name} was sent without its protection; check the position, trading is paused")

    def rank(family: Sequence[Order]) -> tuple[bool, bool, bool]:
        first = family[0]
        return (
            first.status is not OrderStatus.RESERVED,
            first.purpose is OrderPurpose.ENTRY,
            first.purpose in IN_PART,
        )

    return sorted((tuple(legs) for legs in groups.values()), key=rank)


def _settle_orphans(desk: Submission, decision: Decision) -> None:
    """End legs whose entry the broker has, but not them: the position's protection is placed anew on its evidence."""
    orders = {o.order_id: o for o in desk.orders_of(decision.decision_id)}
    orphans = [
        o for o in orders.values() if o.parent_id and o.status in UNSENT and orders[o.parent_id].status not in UNSENT
    ]
    intents = desk.intents_of(orphans)
    for order in orphans:
        if _is_used_up(desk, intents.get(order.order_id)):
            desk.give_up([order], "the broker took its entry, but shows no such protection")
        else:
            desk.end([order], OrderStatus.EXPIRED, "its entry reached the broker without it")


def _is_used_up(desk: Submission, intent: Intent | None) -> bool:
    return intent is not None and not desk.is_unseen(intent)


def window_ends_at(calendar: MarketCalendar, slot: Slot) -> datetime:
    """Return the end of the slot after `slot`: from then on a newer decision speaks for the book."""
    session = calendar.session(slot.session_on)
    if session is None:
        raise InvariantBroken(f"{slot.session_on} is no session; check the calendar")
    later = [s.as_of for s in session_slots(session) if s.as_of > slot.as_of]
    return later[0] if later else session_slots(calendar.next_session(slot.session_on))[0].as_of


def _why_not(decision: Decision, newest: Decision, now: datetime, ends_at: datetime) -> str | None:
    if newest.decision_id != decision.decision_id:
        return f"{decision.decision_id} is not the newest decision ({newest.decision_id}); nothing is sent"
    if now < decision.cutoff_at:
        raise PermanentError(
            f"the broker's clock ({now:%Y-%m-%d %H:%M} UTC) is behind the decision; run sync_broker of this hour first"
        )
    if now >= ends_at:
        return f"its time to be sent ended at {ends_at:%Y-%m-%d %H:%M} UTC, it is {now:%H:%M} now; nothing is sent"
    return None


def _still_opens(calendar: MarketCalendar, order: Order, slot: Slot, now: datetime) -> bool:
    """Whether a market-on-open order still meets the auction that it was planned for."""
    return order.time_in_force is not TimeInForce.OPENING or now < calendar.next_session(slot.session_on).opens_at


def _report(desk: Submission, decision: Decision, sent: int) -> StepReport:
    counts = {**desk.learned.counts(), "sent": sent}
    problems = tuple(dict.fromkeys(desk.learned.problems))
    notes = tuple(dict.fromkeys(desk.notes))
    return StepReport("execute", counts, (*problems, *notes), decision.decision_id, degraded=bool(problems))
