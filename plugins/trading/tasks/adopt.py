"""What the broker knows becomes what the book knows: events, fills, commissions, and what nobody can explain.

`sync_broker` and `execute` share it. Only executions move money; a status is taken from a complete snapshot only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal

from trading.domain.instruments import BookId
from trading.domain.money import ZERO
from trading.domain.orders import Order, OrderEvent, OrderRef, OrderStatus
from trading.ports import BrokerSnapshot, Transaction
from trading.tasks.booking import book_fills
from trading.tasks.evidence import event_of, event_of_absent, is_back, new_size
from trading.tasks.findings import findings
from trading.tasks.telling import tell_order, tell_return, tell_stop_moved, tell_unknown

INTENT_STATES = {
    OrderStatus.FILLED: "DONE",
    OrderStatus.CANCELLED: "DONE",
    OrderStatus.EXPIRED: "DONE",
    OrderStatus.REJECTED: "REJECTED",
    OrderStatus.UNKNOWN: "UNKNOWN",
}
"""State of an intent whose order came this far; every other status means that the broker works it."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """What one snapshot taught us.

    Attributes:
        problems: sentences about what nobody can explain; what they stop is stopped already.
        notes: sentences about what was taken over, for people.
    """

    events: int = 0
    fills: int = 0
    commissions: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: Adoption) -> Adoption:
        return Adoption(
            self.events + other.events,
            self.fills + other.fills,
            self.commissions + other.commissions,
            self.problems + other.problems,
            self.notes + other.notes,
        )

    def counts(self) -> dict[str, int]:
        """Return the numbers for a report."""
        return {"events": self.events, "fills": self.fills, "commissions": self.commissions}


def adopt(tx: Transaction, book: BookId, snapshot: BrokerSnapshot, *, epoch: int) -> Adoption:
    """Store everything new in `snapshot`, and what it shows that nobody can explain; again, it stores nothing."""
    learned = take_over(tx, book, snapshot, epoch=epoch)
    return learned + Adoption(problems=findings(tx, book, snapshot))


def take_over(tx: Transaction, book: BookId, snapshot: BrokerSnapshot, *, epoch: int) -> Adoption:
    """Store what `snapshot` says about our own orders and executions; doing it again stores nothing."""
    fills, commissions = book_fills(tx, book, snapshot)
    positions = tx.ledger.portfolio(book, snapshot.taken_at).positions
    held = {symbol: position.quantity for symbol, position in positions.items()}
    rebased_at = tx.ledger.rebased_at(book)
    events = 0
    working = tx.orders.working(book)
    for order in (*working, *_back_again(tx, book, snapshot, {order.order_id for order in working})):
        since = rebased_at.get(order.symbol)
        is_old_basis = since is not None and order.planned_at < since
        events += _follow(tx, order, snapshot, held.get(order.symbol, ZERO), epoch, is_old_basis=is_old_basis)
    return Adoption(events, fills, commissions)


def _back_again(
    tx: Transaction, book: BookId, snapshot: BrokerSnapshot, working: Collection[OrderRef]
) -> Iterator[Order]:
    """Yield orders of ours that are over only because a list lacked them, and that the broker lists once more."""
    for theirs in snapshot.orders:
        if theirs.order_ref is None or theirs.order_ref in working:
            continue
        order = tx.orders.get(theirs.order_ref)
        if order is not None and order.book == book and is_back(order, theirs):
            yield order


def settle(tx: Transaction, order: Order, event: OrderEvent, epoch: int) -> Order:
    """Record an event of an order that was sent, and the state of its intent with it; people hear of it."""
    moved = tx.orders.record(order, event)
    tell_order(tx, order, moved)
    if order.order_id in tx.orders.intents([order.order_id]):
        state = INTENT_STATES.get(moved.status, "ACKED")
        tx.orders.settle_intent(order.order_id, state=state, perm_id=moved.broker_order_id, epoch=epoch)
    return moved


def _follow(
    tx: Transaction, order: Order, snapshot: BrokerSnapshot, held: Decimal, epoch: int, *, is_old_basis: bool
) -> int:
    theirs = snapshot.find(order.order_id)
    if theirs is not None and (size := new_size(order, theirs)) is not None:
        order = tx.orders.resize(order, size, snapshot.taken_at)
    # What was placed before a split is shown as it stood then; our row has moved to the new share basis.
    if theirs is not None and theirs.stop_price is not None and not is_old_basis:
        moved = tx.orders.ratchet(order, theirs.stop_price)
        tell_stop_moved(tx, order, moved)
        order = moved
    event = event_of(order, theirs, snapshot) if theirs else event_of_absent(order, snapshot, held)
    if event is None:
        return 0
    moved = settle(tx, order, event, epoch)
    if order.may_come_back:
        _note_return(tx, order, moved, snapshot)
    if moved.status is OrderStatus.UNKNOWN and order.status is not OrderStatus.UNKNOWN:
        tell_unknown(tx, [order], event.detail or "the broker does not say")
    return 1


def _note_return(tx: Transaction, before: Order, after: Order, snapshot: BrokerSnapshot) -> None:
    """Keep for ever, and tell, that an end was taken back: it was no word of the broker's."""
    detail = {
        "book": str(before.book), "order": before.order_id, "permanent_id": after.broker_order_id,
        "from": before.status.value, "to": after.status.value, "believed": before.detail,
        "seen_at": snapshot.taken_at.isoformat(),
    }  # fmt: skip
    tx.controls.audit(actor="desk", action="order_back", detail=detail)
    tell_return(tx, before, after, snapshot.taken_at)
