"""Our words ↔ the broker's. Every mapping is total: a word that is not listed raises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from trading.adapters.ibkr.hearing import Row
from trading.domain.fills import Fill
from trading.domain.instruments import BookId
from trading.domain.money import ZERO, round_to_tick
from trading.domain.orders import Order, OrderRef, OrderStatus, OrderType, Side, TimeInForce
from trading.errors import InvariantBroken, PermanentError
from trading.ports import BrokerOrder

UNSET = 1e300
"""Anything above is the library's "not set" (1.8e308)."""

OPEN_STATUS = {
    "ApiPending": OrderStatus.SUBMITTED,
    "PendingSubmit": OrderStatus.SUBMITTED,
    "PreSubmitted": OrderStatus.SUBMITTED,
    "Submitted": OrderStatus.SUBMITTED,
    "PendingCancel": OrderStatus.SUBMITTED,
    "ApiUpdate": OrderStatus.SUBMITTED,
    # ib_async's own word for "a message came about this order", which lives
    "ValidationError": OrderStatus.SUBMITTED,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELLED,
    "ApiCancelled": OrderStatus.CANCELLED,
    # still listed as open: the broker holds it back and may let it go again
    "Inactive": OrderStatus.UNKNOWN,
}
COMPLETED_STATUS = {
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELLED,
    "ApiCancelled": OrderStatus.CANCELLED,
    "Inactive": OrderStatus.REJECTED,
}
ORDER_TYPES = {
    OrderType.MARKET: "MKT",
    OrderType.LIMIT: "LMT",
    OrderType.STOP: "STP",
    OrderType.TRAIL: "TRAIL",
    OrderType.MARKET_ON_OPEN: "MKT",
}
TIMES_IN_FORCE = {
    TimeInForce.DAY: "DAY",
    TimeInForce.GTC: "GTC",
    TimeInForce.OPENING: "OPG",
    TimeInForce.UNTIL: "GTD",
}
SIDES = {"BOT": Side.BUY, "SLD": Side.SELL}


def status_of(word: str, filled: Decimal, *, is_completed: bool) -> OrderStatus:
    """Return our status for the broker's word; an open order with shares filled is partially filled."""
    table = COMPLETED_STATUS if is_completed else OPEN_STATUS
    if word not in table:
        raise PermanentError(
            f"the broker reports order status {word!r}, which has no meaning here; add it to the table"
        )
    status = table[word]
    return OrderStatus.PARTIALLY_FILLED if status is OrderStatus.SUBMITTED and filled > 0 else status


def exact(value: float) -> Decimal:
    """Return the decimal that the broker wrote."""
    return Decimal(repr(value)).normalize() + 0


def open_order(row: Row, *, refusal: str | None) -> BrokerOrder:
    """Return an open order of the broker as ours.

    Args:
        refusal: the broker's words if it refused this order while we listened: "Inactive" is then its end.
    """
    order = row.order
    filled = ZERO if row.filled is None else exact(row.filled)
    status = status_of(row.status, filled, is_completed=False)
    if status is OrderStatus.UNKNOWN and refusal is not None:
        status = OrderStatus.REJECTED
    return BrokerOrder(
        order_ref=order.orderRef or None,
        api_order_id=order.orderId or None,
        perm_id=order.permId,
        symbol=row.contract.symbol,
        status=status,
        quantity=exact(order.totalQuantity),
        filled_quantity=filled,
        side=Side(order.action),
        client_id=order.clientId,
        detail=refusal if status is OrderStatus.REJECTED else None,
        stop_price=_trailing_stop(order),
    )


def completed_order(row: Row, *, refusal: str | None) -> BrokerOrder:
    """Return a completed order of the broker as ours; `refusal` adds the broker's words if it was rejected."""
    order = row.order
    filled = exact(row.filled) if row.filled is not None and row.filled < UNSET else ZERO
    status = status_of(row.status, filled, is_completed=True)
    quantity = exact(order.totalQuantity)
    if quantity == 0 and filled > 0:
        quantity = filled  # a completed order may be reported with its size used up
    words = [" ".join(row.ended_text.split())]
    if status is OrderStatus.REJECTED and refusal is not None and words[0] not in refusal:
        words.append(refusal)
    elif status is OrderStatus.REJECTED and refusal is not None:
        words = [refusal]
    return BrokerOrder(
        order_ref=order.orderRef or None,
        api_order_id=None,
        perm_id=order.permId,
        symbol=row.contract.symbol,
        status=status,
        quantity=quantity,
        filled_quantity=filled,
        side=Side(order.action),
        detail="; ".join(filter(None, words)) or None,
        stop_price=_trailing_stop(order),
    )


def _trailing_stop(order: Any) -> Decimal | None:
    """Return where a trailing stop stands; the broker fills the field with "not set" for every other order."""
    is_known = order.orderType == "TRAIL" and 0 < order.trailStopPrice < UNSET
    return exact(order.trailStopPrice) if is_known else None


def fill_of(book: BookId, execution: Any, symbol: str, commission_usd: Decimal | None) -> Fill:
    """Return one execution as ours; its time is made UTC."""
    if execution.side not in SIDES:
        raise PermanentError(f"execution {execution.execId} has side {execution.side!r}; add it to the table")
    executed_at: datetime = execution.time
    if executed_at.tzinfo is None:
        raise InvariantBroken(f"execution {execution.execId} has a time without zone; set the gateway to US/Eastern")
    return Fill(
        fill_id=execution.execId,
        order_id=execution.orderRef or None,
        book=book,
        symbol=symbol,
        side=SIDES[execution.side],
        quantity=exact(execution.shares),
        price=exact(execution.price),
        commission_usd=commission_usd,
        executed_at=executed_at.astimezone(UTC),
    )


type PriceSteps = tuple[tuple[Decimal, Decimal], ...]
"""(price from which it holds, step), both USD/share, ascending."""


def allowed_price(price: Decimal, steps: PriceSteps, side: Side) -> Decimal:
    """Return `price` on the broker's grid: a buy never pays more than meant, a sale never takes less."""
    step = next((step for low_edge, step in reversed(steps) if low_edge <= price), None)
    if step is None or step <= 0:
        raise PermanentError(f"the broker's market rule has no step for {price}; look at the instrument")
    return round_to_tick(price, tick=step, up=side is Side.SELL)


@dataclass(frozen=True, slots=True)
class Family:
    """What binds the legs that are sent together.

    Attributes:
        head_id, head_ref: id and reference of the first leg. last_ref: reference of the last one.
        has_children: the other legs wait for the first one, and travel only once the last one has come.
        group: name of a one-cancels-all group of equals; empty without one.
    """

    head_id: int
    head_ref: OrderRef
    last_ref: OrderRef
    has_children: bool
    group: str

    @classmethod
    def of(cls, orders: Sequence[Order], *, first_id: int) -> Family:
        """Return the family of `orders`, whose first one has the id `first_id`."""
        head, *others = orders
        has_children = any(order.parent_id == head.order_id for order in others)
        group = head.order_id if others and not has_children else ""
        return cls(first_id, head.order_id, orders[-1].order_id, has_children, group)


def order_fields(order: Order, *, order_id: int, account: str, family: Family, steps: PriceSteps) -> dict[str, Any]:
    """Return the library's order fields for one leg of a family.

    `tif`, account and orderRef are always explicit: presets of the gateway must decide nothing.
    """
    fields: dict[str, Any] = {
        "orderId": order_id,
        "action": order.side.value,
        "totalQuantity": whole(order),
        "orderType": ORDER_TYPES[order.order_type],
        "tif": TIMES_IN_FORCE[order.time_in_force],
        "account": account,
        "orderRef": order.order_id,
        "parentId": family.head_id if family.has_children and order.order_id != family.head_ref else 0,
        # The broker acts on a held-back leg only when another one of its family is transmitted.
        "transmit": not family.has_children or order.order_id == family.last_ref,
    }
    if family.group:
        fields |= {"ocaGroup": family.group, "ocaType": 1}
    if order.time_in_force is TimeInForce.UNTIL:
        fields["goodTillDate"] = _given(order, order.expires_at).astimezone(UTC).strftime("%Y%m%d-%H:%M:%S")
    return fields | _prices(order, steps)


def _prices(order: Order, steps: PriceSteps) -> dict[str, float]:
    def on_grid(price: Decimal | None) -> float:
        return float(allowed_price(_given(order, price), steps, order.side))

    if order.order_type is OrderType.LIMIT:
        return {"lmtPrice": on_grid(order.limit_price)}
    if order.order_type is OrderType.STOP:
        return {"auxPrice": on_grid(order.stop_price)}
    if order.order_type is OrderType.TRAIL:
        trailing = {"trailingPercent": round(_given(order, order.trail_frac) * 100, 6)}
        return trailing if order.stop_price is None else trailing | {"trailStopPrice": on_grid(order.stop_price)}
    return {}


def whole(order: Order) -> float:
    """Return the order's size; the API takes whole shares only."""
    if order.quantity <= 0 or order.quantity != order.quantity.to_integral_value():
        raise InvariantBroken(f"{order.order_id}: {order.quantity} is not a whole number of shares; fix the sizing")
    return float(order.quantity)


def _given[Value](order: Order, value: Value | None) -> Value:
    if value is None:
        raise InvariantBroken(f"{order.order_id}: a {order.order_type} order lacks a price or an end; fix the planner")
    return value
