"""Our words ↔ the broker's. Every mapping is total: a word that is not listed raises."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from trading.domain.fills import Fill
from trading.domain.instruments import BookId
from trading.domain.money import CENT, round_to_tick
from trading.domain.orders import Order, OrderStatus, OrderType, Side, TimeInForce
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


def broker_order(trade: Any, *, is_completed: bool) -> BrokerOrder:
    """Return an open or completed order of the library as ours."""
    order = trade.order
    reported = order.filledQuantity if is_completed else trade.orderStatus.filled
    filled = exact(reported) if reported < UNSET else Decimal(0)
    status = status_of(trade.orderStatus.status, filled, is_completed=is_completed)
    quantity = exact(order.totalQuantity)
    if is_completed and quantity == 0 and filled > 0:
        quantity = filled  # a completed order may be reported with its size used up
    return BrokerOrder(
        order_ref=order.orderRef or None,
        api_order_id=None if is_completed else order.orderId,
        perm_id=order.permId,
        symbol=trade.contract.symbol,
        status=status,
        quantity=quantity,
        filled_quantity=filled,
        side=Side(order.action),
        client_id=None if is_completed else order.clientId,
    )


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


def order_fields(
    order: Order, *, order_id: int, parent_id: int, account: str, is_last: bool, group: str
) -> dict[str, Any]:
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
        "parentId": parent_id,
        "transmit": is_last,
    }
    if group:
        fields |= {"ocaGroup": group, "ocaType": 1}
    if order.time_in_force is TimeInForce.UNTIL:
        fields["goodTillDate"] = _given(order, order.expires_at).astimezone(UTC).strftime("%Y%m%d-%H:%M:%S")
    if order.order_type is OrderType.LIMIT:
        fields["lmtPrice"] = float(_given(order, order.limit_price))
    elif order.order_type is OrderType.STOP:
        fields["auxPrice"] = float(_given(order, order.stop_price))
    elif order.order_type is OrderType.TRAIL:
        fields["trailingPercent"] = round(_given(order, order.trail_frac) * 100, 6)
        if order.stop_price is not None:
            fields["trailStopPrice"] = float(round_to_tick(order.stop_price, tick=CENT, up=order.side is Side.SELL))
    return fields


def whole(order: Order) -> float:
    """Return the order's size; the API takes whole shares only."""
    if order.quantity <= 0 or order.quantity != order.quantity.to_integral_value():
        raise InvariantBroken(f"{order.order_id}: {order.quantity} is not a whole number of shares; fix the sizing")
    return float(order.quantity)


def _given[Value](order: Order, value: Value | None) -> Value:
    if value is None:
        raise InvariantBroken(f"{order.order_id}: a {order.order_type} order lacks a price or an end; fix the planner")
    return value
