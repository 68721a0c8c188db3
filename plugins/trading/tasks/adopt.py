"""What the broker knows becomes what the book knows: events, fills, commissions, and what nobody can explain.

`sync_broker` and `execute` share it. Only executions move money; a status is taken from a complete snapshot only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trading.accounting.lots import book_fill
from trading.domain.fills import Fill
from trading.domain.instruments import BookId
from trading.domain.money import ZERO
from trading.domain.orders import DONE, OPEN, Order, OrderEvent, OrderStatus, Side, TimeInForce
from trading.ports import BrokerOrder, BrokerSnapshot, Transaction
from trading.tasks.findings import findings

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
    """

    events: int = 0
    fills: int = 0
    commissions: int = 0
    problems: tuple[str, ...] = ()

    def __add__(self, other: Adoption) -> Adoption:
        return Adoption(
            self.events + other.events,
            self.fills + other.fills,
            self.commissions + other.commissions,
            self.problems + other.problems,
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
    events = sum(_follow(tx, order, snapshot, epoch) for order in tx.orders.working(book))
    fills, commissions = _book_fills(tx, book, snapshot)
    return Adoption(events, fills, commissions)


def settle(tx: Transaction, order: Order, event: OrderEvent, epoch: int) -> Order:
    """Record an event of an order that was sent, and the state of its intent with it."""
    moved = tx.orders.record(order, event)
    if order.order_id in tx.orders.intents([order.order_id]):
        state = INTENT_STATES.get(moved.status, "ACKED")
        tx.orders.settle_intent(order.order_id, state=state, perm_id=moved.broker_order_id, epoch=epoch)
    return moved


def _follow(tx: Transaction, order: Order, snapshot: BrokerSnapshot, epoch: int) -> int:
    theirs = snapshot.find(order.order_id)
    event = _event_of(order, theirs, snapshot) if theirs else _event_of_absent(order, snapshot)
    if event is None:
        return 0
    settle(tx, order, event, epoch)
    return 1


def _event_of(order: Order, theirs: BrokerOrder, snapshot: BrokerSnapshot) -> OrderEvent | None:
    """Return what the snapshot says about an order, or None if we know it already."""
    status = theirs.status
    has_expired = order.expires_at is not None and order.expires_at <= snapshot.taken_at
    if status is OrderStatus.CANCELLED and has_expired:
        status = OrderStatus.EXPIRED
    if (order.status, order.filled_quantity, order.broker_order_id) == (
        status, theirs.filled_quantity, theirs.perm_id,
    ):  # fmt: skip
        return None
    return OrderEvent(order.order_id, status, snapshot.taken_at, theirs.perm_id, theirs.filled_quantity, theirs.detail)


def _event_of_absent(order: Order, snapshot: BrokerSnapshot) -> OrderEvent | None:
    """Return what it means that the broker lists an order no more; a reserved one is left to `execute`."""
    filled = sum((f.quantity for f in snapshot.fills if f.order_id == order.order_id), ZERO)
    if filled >= order.quantity:
        return OrderEvent(order.order_id, OrderStatus.FILLED, snapshot.taken_at, filled_quantity=filled)
    if order.status not in OPEN:
        return None
    if order.expires_at is not None and order.expires_at <= snapshot.taken_at:
        status, detail = OrderStatus.EXPIRED, "its time is over and the broker lists it no more"
    elif order.time_in_force is not TimeInForce.GTC and order.planned_at.date() < snapshot.taken_at.date():
        status, detail = OrderStatus.EXPIRED, "its session is over and the broker lists it no more"
    else:
        status, detail = OrderStatus.UNKNOWN, "the broker does not list it; look at the broker's own statement"
    return OrderEvent(order.order_id, status, snapshot.taken_at, filled_quantity=filled or None, detail=detail)


def _book_fills(tx: Transaction, book: BookId, snapshot: BrokerSnapshot) -> tuple[int, int]:
    """Book executions that are ours and new, oldest first; fill in commissions that came late."""
    known = {f.fill_id: f for f in tx.ledger.fills(book)}
    booked = commissions = 0
    for fill in sorted(snapshot.fills, key=lambda f: (f.executed_at, f.side is Side.SELL, f.fill_id)):
        if (mine := known.get(fill.fill_id)) is not None:
            if mine.commission_usd is None and fill.commission_usd is not None:
                commissions += tx.ledger.add_commission(book, fill.fill_id, fill.commission_usd)
            continue
        order = tx.orders.get(fill.order_id) if fill.order_id else None
        if order is None or order.book != book:
            continue
        booked += tx.ledger.add_booking(book_fill(fill, tx.ledger.lots(book, fill.symbol)))
        _fill_after_the_end(tx, order, snapshot.fills)
    return booked, commissions


def _fill_after_the_end(tx: Transaction, order: Order, fills: Sequence[Fill]) -> None:
    """An order that we held for cancelled, expired or rejected may still report an execution."""
    if order.status not in DONE or order.status is OrderStatus.FILLED:
        return
    mine = [f for f in fills if f.order_id == order.order_id]
    filled = sum((f.quantity for f in mine), ZERO)
    status = OrderStatus.FILLED if filled >= order.quantity else OrderStatus.PARTIALLY_FILLED
    tx.orders.record(order, OrderEvent(order.order_id, status, mine[-1].executed_at, filled_quantity=filled))
