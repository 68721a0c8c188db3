"""desk.orders, order_events, intents: every leg, what happened to it, and its submission record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.postgres_store.statements import Statements, columns_of
from trading.domain.instruments import BookId
from trading.domain.orders import (
    Order,
    OrderEvent,
    OrderPurpose,
    OrderRef,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
    advance,
)
from trading.errors import InvariantBroken, TransientError
from trading.ports import Intent

_COLUMNS = (
    "order_id", "decision_id", "symbol", "side", "quantity", "order_type", "time_in_force", "purpose", "leg",
    "parent_id", "planned_at", "expires_at", "limit_price", "stop_price", "trail_frac", "status", "filled_quantity",
    "broker_order_id", "detail", "cause", "is_inferred",
)  # fmt: skip


def add_orders(connection: Connection, orders: Sequence[Order]) -> None:
    """Store the legs of a decision, in the decision's transaction."""
    books = [str(order.book) for order in orders]
    Statements(connection, "orders").run("add_orders", book=books, **columns_of(orders, *_COLUMNS))


class PostgresOrderRows:
    """`OrderRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "orders")

    def of_decision(self, decision_id: str) -> tuple[Order, ...]:
        """Return the orders of a decision, by leg."""
        return tuple(map(order_of, self._sql.rows("orders_of_decision", decision_id=decision_id)))

    def get(self, order_id: OrderRef) -> Order | None:
        """Return one order, or None."""
        row = self._sql.row("order_by_id", order_id=order_id)
        return order_of(row) if row else None

    def working(self, book: BookId) -> tuple[Order, ...]:
        """Return orders that are reserved, at the broker, or unknown."""
        return tuple(map(order_of, self._sql.rows("working_orders", book=str(book))))

    def unsent(self, book: BookId) -> tuple[Order, ...]:
        """Return orders that are planned, or reserved without the broker's word on them, oldest first."""
        return tuple(map(order_of, self._sql.rows("unsent_orders", book=str(book))))

    def newest_guards(self, book: BookId) -> tuple[Order, ...]:
        """Return the youngest stop and the youngest target of each symbol that were ever meant for the broker."""
        return tuple(map(order_of, self._sql.rows("newest_guards", book=str(book))))

    def recent(self, book: BookId, limit: int) -> tuple[Order, ...]:
        """Return the newest orders, youngest first."""
        return tuple(map(order_of, self._sql.rows("recent_orders", book=str(book), limit=limit)))

    def record(self, order: Order, event: OrderEvent) -> Order:
        """Apply `event` with `advance`, store both, and return the order; late news stores nothing.

        The event moves the stored order, not the caller's copy, which another process may have outrun.
        """
        row = self._sql.row("lock_order", order_id=order.order_id)
        if row is None:
            raise InvariantBroken(f"{order.symbol} {order.order_id} is not stored; add its decision before any event")
        stored = order_of(row)
        moved = advance(stored, event)
        if moved == stored:
            return stored
        self._sql.run(
            "update_order",
            order_id=moved.order_id,
            status=moved.status.value,
            filled_quantity=moved.filled_quantity,
            broker_order_id=moved.broker_order_id,
            detail=moved.detail,
            is_inferred=moved.is_inferred,
        )
        self._sql.run(
            "add_order_event",
            order_id=event.order_id,
            status=event.status.value,
            happened_at=event.happened_at,
            broker_order_id=event.broker_order_id,
            filled_quantity=event.filled_quantity,
            detail=event.detail,
            is_inferred=event.is_inferred,
        )
        return moved

    def ratchet(self, order: Order, stop_price: Decimal) -> Order:
        """Store how high the broker has moved a trailing stop and return the order; it never moves down."""
        if order.stop_price is not None and stop_price <= order.stop_price:
            return order
        self._sql.run("ratchet_order", order_id=order.order_id, stop_price=stop_price)
        return replace(order, stop_price=stop_price)

    def resize(self, order: Order, quantity: Decimal, at: datetime) -> Order:
        """Store the quantity that the broker works a protection with, with an event, and return the order."""
        detail = f"resized from {order.quantity.normalize():f} to {quantity.normalize():f} shares"
        self._sql.run("resize_order", order_id=order.order_id, quantity=quantity)
        self._sql.run(
            "add_order_event",
            order_id=order.order_id,
            status=order.status.value,
            happened_at=at,
            broker_order_id=order.broker_order_id,
            filled_quantity=order.filled_quantity,
            detail=detail,
            is_inferred=False,
        )
        return replace(order, quantity=quantity)

    def intents(self, order_ids: Sequence[OrderRef]) -> dict[OrderRef, Intent]:
        """Return the intents that exist for these legs."""
        rows = self._sql.rows("read_intents", order_ids=list(order_ids))
        return {row["order_id"]: Intent(**row) for row in rows}

    def reserve(self, order_ids: Sequence[OrderRef], *, client_id: int, first_id: int, epoch: int) -> list[Intent]:
        """Reserve consecutive ids from max(first_id, highest ever reserved + 1) for legs that have none.

        Returns:
            The intent of every leg given, in the order given; those that existed are unchanged.
        """
        if not order_ids:
            return []
        self._require_newest(order_ids, epoch)
        self._sql.run("reserve_intents", order_ids=list(order_ids), client_id=client_id, first_id=first_id, epoch=epoch)
        stored = self.intents(order_ids)
        return [stored[order_id] for order_id in order_ids]

    def renew_ids(self, order_ids: Sequence[OrderRef], *, first_id: int, epoch: int) -> list[Intent]:
        """Give legs fresh ids above everything ever reserved: the broker has seen theirs and created nothing."""
        self._require_newest(order_ids, epoch)
        self._sql.run("renew_ids", order_ids=list(order_ids), first_id=first_id, epoch=epoch)
        stored = self.intents(order_ids)
        return [stored[order_id] for order_id in order_ids]

    def settle_intent(self, order_id: OrderRef, *, state: str, perm_id: int | None, epoch: int) -> None:
        """Set an intent's state; raises `TransientError` if `epoch` is not the newest writer's."""
        self._require_newest([order_id], epoch)
        if not self._sql.run("settle_intent", order_id=order_id, state=state, perm_id=perm_id):
            raise InvariantBroken(f"{order_id} has no intent to settle; reserve it before sending")

    def _require_newest(self, order_ids: Sequence[OrderRef], epoch: int) -> None:
        """Fence a writer that lost its lock: the row stays held, so no newer writer starts before we commit."""
        newest = self._sql.rows("newest_epochs", order_ids=list(order_ids))
        if not newest or any(row["epoch"] != epoch for row in newest):
            # The copy that slept fails, not the book: the one that took over did everything right.
            raise TransientError(
                f"order writer of epoch {epoch} is not the newest one; nothing was changed, it is tried again"
            )


def order_of(row: dict[str, Any]) -> Order:
    """Return the order that a row is."""
    return Order(
        **(
            row
            | {
                "book": BookId.parse(row["book"]),
                "side": Side(row["side"]),
                "order_type": OrderType(row["order_type"]),
                "time_in_force": TimeInForce(row["time_in_force"]),
                "purpose": OrderPurpose(row["purpose"]),
                "status": OrderStatus(row["status"]),
            }
        )
    )
