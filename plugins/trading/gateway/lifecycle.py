"""How one order starts and ends, and what its end does to its children."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from trading.domain.instruments import BookId, BookKind
from trading.domain.money import ZERO, round_to_tick
from trading.domain.orders import Order, OrderPurpose, OrderType, Side, TimeInForce
from trading.execution.matching import ratchet
from trading.gateway.order_book import OrderBook
from trading.gateway.records import GatewayOrder, Status, Ticket

TYPES = {
    "MKT": OrderType.MARKET,
    "LMT": OrderType.LIMIT,
    "STP": OrderType.STOP,
    "TRAIL": OrderType.TRAIL,
}


def as_domain(order: GatewayOrder, quantity: Decimal) -> Order:
    """Return what `execution.matching` judges: an order of which `quantity` shares may fill now."""
    ticket = order.ticket
    assert order.activated_at is not None, "only an active order is matched"
    return Order(
        order_id=str(order.perm_id),
        book=BookId(BookKind.PAPER, ticket.account),
        decision_id="gateway",
        symbol=ticket.symbol,
        side=Side(ticket.action),
        quantity=order.filled + quantity,
        order_type=OrderType.MARKET if order.is_triggered else TYPES[ticket.order_type],
        time_in_force=TimeInForce.GTC if order.expires_at is None else TimeInForce.UNTIL,
        purpose=OrderPurpose.STOP if order.is_stop else OrderPurpose.ENTRY,
        planned_at=order.activated_at,
        limit_price=ticket.limit_price,
        stop_price=order.stop_price,
        trail_frac=None if ticket.trail_percent is None else float(ticket.trail_percent) / 100,
        expires_at=order.expires_at,
        filled_quantity=order.filled,
    )


def activate(book: OrderBook, order: GatewayOrder, at: datetime, reference: Decimal | None) -> None:
    """Let an order work from `at`; a trailing stop starts under `reference` unless the ticket says where."""
    order.activated_at = at
    ticket = order.ticket
    if ticket.order_type == "STP":
        order.stop_price = ticket.aux_price
    elif ticket.order_type == "TRAIL":
        order.stop_price = ticket.trail_stop_price
        if order.stop_price is None:
            assert reference is not None, "an order without a reference price is not admitted"
            order.stop_price = trailed_stop(order, reference)
    order.status = Status.PRE_SUBMITTED if order.is_stop else Status.SUBMITTED
    book.tell_changed(order)


def trailed_stop(order: GatewayOrder, reference: Decimal) -> Decimal | None:
    """Return where a trailing stop that starts anew under `reference` stands [USD/share]."""
    return ratchet(replace(as_domain(order, order.remaining), stop_price=None), float(reference)).stop_price


def follow(order: GatewayOrder, high_price: float) -> None:
    """Move an active trailing stop up under a new high; it never moves down."""
    if order.ticket.order_type == "TRAIL" and not order.is_triggered:
        order.stop_price = ratchet(as_domain(order, order.remaining), high_price).stop_price


def rebased(order: GatewayOrder, ratio: Decimal) -> Ticket:
    """Return the ticket on the share basis after a split, in whole shares and on ticks."""
    ticket, up = order.ticket, order.ticket.action == "SELL"

    def moved(price: Decimal | None) -> Decimal | None:
        return None if price is None else round_to_tick(price / ratio, up=up)

    quantity = order.filled + (order.remaining * ratio).to_integral_value(ROUND_DOWN)
    return replace(ticket, quantity=quantity, limit_price=moved(ticket.limit_price), aux_price=moved(ticket.aux_price))


def cancel(book: OrderBook, order: GatewayOrder, text: str, at: datetime, *, cancelled_by: int | None = None) -> None:
    """End an order. Children of one that never filled end with it; others stay for the part that filled."""
    order.status, order.done_at, order.done_text, order.is_staged = Status.CANCELLED, at, text, False
    book.forget_done(order)
    book.tell_cancelled(order, text, cancelled_by)
    settle_children(book, order, at)


def reject(book: OrderBook, order: GatewayOrder, text: str, at: datetime, *, code: int | None = 201) -> None:
    """Leave an order behind as Inactive; it is among the completed orders with `text`. None: without a message."""
    order.status, order.done_at, order.done_text, order.is_staged = Status.INACTIVE, at, text, False
    book.forget_done(order)
    book.tell_changed(order)
    if code is not None:
        book.tell_message(order, code, f"Order rejected - reason:{text}")
    settle_children(book, order, at)


def settle_children(book: OrderBook, parent: GatewayOrder, at: datetime) -> None:
    """Bring the children of an order that ended to what it filled: nothing, or a part."""
    for child in book.children(parent):
        if child.is_done:
            continue
        kept = child.filled + executable(book, child) if parent.filled else ZERO
        if kept <= child.filled:
            cancel(book, child, "Cancelled by System: parent ended", at)
        elif kept < child.ticket.quantity:
            child.ticket = replace(child.ticket, quantity=kept)
            book.tell_changed(child)


def executable(book: OrderBook, order: GatewayOrder) -> Decimal:
    """Return how many shares of `order` may fill now.

    The children of an entry together may trade no more than the entry has filled. Their quantity on the wire stays the
    ordered one while the entry works, as a client expects to read back what it sent; it shrinks when the entry ends.
    """
    parent = book.parent(order)
    if parent is None:
        return order.remaining
    used = sum((child.filled for child in book.children(parent)), ZERO)
    return max(ZERO, min(order.remaining, parent.filled - used))


def share_fill(book: OrderBook, order: GatewayOrder, quantity: Decimal, at: datetime, price: Decimal) -> None:
    """Let a fill of `quantity` shares reach the others: it wakes children, and cancels or reduces rivals.

    Siblings of a family reduce each other (type 3). An explicit group of type 1 is cancelled by any fill, types 2 and
    3 reduce it by the shares filled: for orders of one size that is the proportion that IB takes.
    """
    for child in book.children(order):
        if not child.is_done and child.activated_at is None:
            activate(book, child, at, price)
    for rival in book.rivals(order):
        is_grouped = bool(rival.ticket.oca_group) and rival.ticket.oca_group == order.ticket.oca_group
        if (is_grouped and order.ticket.oca_type == 1) or rival.remaining <= quantity:
            cancel(book, rival, "Cancelled by System: one cancels all", at)
        else:
            rival.ticket = replace(rival.ticket, quantity=rival.ticket.quantity - quantity)
            book.tell_changed(rival)
