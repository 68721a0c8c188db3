"""execute: send what was decided, at most once, whatever happens in between.

The protocol (DESIGN §7): writer lock and epoch → one fixed client id → complete snapshot → adopt what the broker has
→ reserve ids and commit → send → record. A retry meets its own traces: an order that the broker lists is adopted; one
whose reserved id the broker has not seen is sent again under the same id; one whose id is used up without a trace is
UNKNOWN and never sent again by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from trading.domain.decisions import Decision, DecisionKind
from trading.domain.instruments import BookId
from trading.domain.market import Slot, session_slots
from trading.domain.orders import Order, OrderPurpose, OrderStatus, TimeInForce
from trading.errors import InvariantBroken, PermanentError
from trading.ports import MarketCalendar, Services
from trading.strategy.spec import StrategySpec
from trading.tasks.adopt import Adoption
from trading.tasks.report import StepReport
from trading.tasks.submission import Submission
from trading.tasks.sync import gate_of, now_of
from trading.tasks.vetting import still_fit

UNSENT = frozenset({OrderStatus.PLANNED, OrderStatus.RESERVED})


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
        newest = tx.decisions.newest(book, kind)
    if decision is None or newest is None:
        return StepReport("execute", notes=(f"no {kind} decision at {slot.as_of:%Y-%m-%d %H:%M} UTC; nothing is sent",))
    with services.store.order_writer(book) as epoch, gate_of(services, book).connect() as broker:
        desk = Submission(services.store, broker, book, epoch)
        desk.look()
        now = now_of(services, broker)
        why_not = _why_not(services.calendar, decision, newest, slot, now)
        sent = 0
        if why_not is None:
            for family in families(desk.orders_of(decision.decision_id)):
                if not _still_opens(services.calendar, family[0], slot, now):
                    continue
                if (veto := still_fit(services, spec, book, slot, family, now)) is None:
                    sent += desk.send(family)
                else:
                    desk.deny(family, veto)
            desk.look()
    return _report(decision, desk.learned, sent, (*desk.notes, *([why_not] if why_not else [])))


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
            first.purpose is OrderPurpose.TRIM,
        )

    return sorted((tuple(legs) for legs in groups.values()), key=rank)


def window_ends_at(calendar: MarketCalendar, slot: Slot) -> datetime:
    """Return the end of the slot after `slot`: from then on a newer decision speaks for the book."""
    session = calendar.session(slot.session_on)
    if session is None:
        raise InvariantBroken(f"{slot.session_on} is no session; check the calendar")
    later = [s.as_of for s in session_slots(session) if s.as_of > slot.as_of]
    return later[0] if later else session_slots(calendar.next_session(slot.session_on))[0].as_of


def _why_not(calendar: MarketCalendar, decision: Decision, newest: Decision, slot: Slot, now: datetime) -> str | None:
    if newest.decision_id != decision.decision_id:
        return f"{decision.decision_id} is not the newest decision ({newest.decision_id}); nothing is sent"
    if now < decision.cutoff_at:
        raise PermanentError(
            f"the broker's clock ({now:%Y-%m-%d %H:%M} UTC) is behind the decision; run sync_broker of this hour first"
        )
    if now >= window_ends_at(calendar, slot):
        return f"the next hour has begun at {now:%Y-%m-%d %H:%M} UTC; nothing is sent"
    return None


def _still_opens(calendar: MarketCalendar, order: Order, slot: Slot, now: datetime) -> bool:
    """Whether a market-on-open order still meets the auction that it was planned for."""
    return order.time_in_force is not TimeInForce.OPENING or now < calendar.next_session(slot.session_on).opens_at


def _report(decision: Decision, learned: Adoption, sent: int, notes: tuple[str, ...]) -> StepReport:
    counts = {**learned.counts(), "sent": sent}
    problems = tuple(dict.fromkeys(learned.problems))
    return StepReport("execute", counts, (*problems, *notes), decision.decision_id, degraded=bool(problems))
