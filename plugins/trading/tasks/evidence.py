"""What a complete snapshot says about one of our orders, as the event that moves it; None if we know it already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from trading.domain.fills import newest_revisions
from trading.domain.money import ZERO
from trading.domain.orders import OPEN, Order, OrderEvent, OrderRef, OrderStatus, TimeInForce
from trading.ports import BrokerOrder, BrokerSnapshot, Intent


def event_of(order: Order, theirs: BrokerOrder, snapshot: BrokerSnapshot) -> OrderEvent | None:
    """Return what the broker's own row says."""
    status = theirs.status
    has_expired = order.expires_at is not None and order.expires_at <= snapshot.taken_at
    if status is OrderStatus.CANCELLED and has_expired:
        status = OrderStatus.EXPIRED
    if (order.status, order.filled_quantity, order.broker_order_id) == (
        status, theirs.filled_quantity, theirs.perm_id,
    ):  # fmt: skip
        return None
    detail = theirs.detail
    if is_back(order, theirs):
        detail = f"the broker lists it as {status} again; taken for {order.status} because a list lacked it"
    return OrderEvent(order.order_id, status, snapshot.taken_at, theirs.perm_id, theirs.filled_quantity, detail)


def event_of_absent(order: Order, snapshot: BrokerSnapshot, held: Decimal) -> OrderEvent | None:
    """Return what it means that the broker lists an order no more; a reserved one is left to `execute`.

    Args:
        held: shares of the symbol in the book, after the snapshot's executions. A protection that is gone while the
            broker shows the shares did not sell them: it was cancelled (end of a quarter, split, long silence).
    """
    filled = filled_in(order, snapshot)
    if filled >= order.quantity:
        return OrderEvent(order.order_id, OrderStatus.FILLED, snapshot.taken_at, filled_quantity=filled)
    if order.status not in OPEN or snapshot.may_lack_orders:
        return None
    if order.expires_at is not None and order.expires_at <= snapshot.taken_at:
        status, detail = OrderStatus.EXPIRED, "its time is over and the broker lists it no more"
    elif order.time_in_force is not TimeInForce.GTC and order.planned_at.date() < snapshot.taken_at.date():
        status, detail = OrderStatus.EXPIRED, "its session is over and the broker lists it no more"
    elif order.is_protective and snapshot.positions.get(order.symbol, ZERO) >= held:
        status, detail = OrderStatus.CANCELLED, "the broker lists it no more and shows the shares that it guarded"
    else:
        status, detail = OrderStatus.UNKNOWN, "the broker does not list it; look at the broker's own statement"
    return OrderEvent(
        order.order_id, status, snapshot.taken_at, filled_quantity=filled or None, detail=detail, is_inferred=True
    )


def is_back(order: Order, theirs: BrokerOrder) -> bool:
    """Whether the broker works, or holds back, an order that is over only because an earlier list lacked it.

    Another permanent id under the same reference is another order: a person looks at that one.
    """
    is_listed = theirs.status in OPEN or theirs.status is OrderStatus.UNKNOWN
    return order.may_come_back and order.may_be(theirs.perm_id) and is_listed


def filled_in(order: Order, snapshot: BrokerSnapshot) -> Decimal:
    """Return the shares of an order that the snapshot's executions account for."""
    return sum((f.quantity for f in newest_revisions(snapshot.fills) if f.order_id == order.order_id), ZERO)


def families_of(orders: Iterable[Order]) -> list[tuple[Order, ...]]:
    """Return orders by family, the entry first; what waits for no entry is a family of its own."""
    groups: dict[OrderRef, list[Order]] = {}
    for order in sorted(orders, key=lambda o: o.leg):
        groups.setdefault(order.parent_id or order.order_id, []).append(order)
    return [tuple(legs) for legs in groups.values()]


def never_left(family: Sequence[Order], intents: Mapping[OrderRef, Intent], snapshot: BrokerSnapshot) -> bool:
    """Whether the broker acts on no leg of an unsent family and never will: it has not seen the last one.

    It holds the first legs back until the last one arrives; they are called back, not waited for.
    """
    last = intents.get(family[-1].order_id)
    is_listed = any(snapshot.find(order.order_id) is not None for order in family)
    return not is_listed and (last is None or last.reserved_id >= snapshot.next_order_id)


def new_size(order: Order, theirs: BrokerOrder) -> Decimal | None:
    """Return the quantity that the broker works a protection with, if it is not the one we have stored."""
    is_live = order.is_protective and theirs.status in OPEN
    return theirs.quantity if is_live and theirs.quantity != order.quantity and theirs.quantity > 0 else None
