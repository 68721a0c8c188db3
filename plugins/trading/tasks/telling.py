"""Messages about orders, executions and states, written in the transaction that makes them true.

A replay tells nobody. Whatever is written twice has the same key and is told once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from trading.domain.fills import Booking, Fill
from trading.domain.instruments import BookId, BookKind
from trading.domain.messages import MessageKind, Severity
from trading.domain.orders import OPEN, Order, OrderPurpose, OrderStatus, OrderType
from trading.domain.portfolio import TradingState
from trading.ports import Transaction

PURPOSES = {
    OrderPurpose.ENTRY: "entry",
    OrderPurpose.EXIT: "exit",
    OrderPurpose.RULE_EXIT: "exit by rule",
    OrderPurpose.TRIM: "trim",
    OrderPurpose.REBALANCE: "rebalance",
    OrderPurpose.STOP: "stop",
    OrderPurpose.TARGET: "target",
}
"""What an order is for, in words."""
_NOT_SENT = frozenset({OrderStatus.PLANNED, OrderStatus.RESERVED})
_AT_THE_BROKER = OPEN | {OrderStatus.FILLED}


def tell(
    tx: Transaction, book: BookId, kind: MessageKind, key: str, text: str, *, severity: Severity | None = None
) -> bool:
    """Put a message about `book` into the outbox, once per key; False if it is there, or the book is a replay."""
    if book.kind is BookKind.REPLAY:
        return False
    return tx.controls.notify(
        dedupe_key=key[:500], book=book, kind=kind, severity=severity, body=f"{book.badge} {book}: {text}"
    )


def tell_order(tx: Transaction, before: Order, after: Order) -> None:
    """Tell that an order reached the broker, or came to an end there without being filled."""
    if after.status is before.status:
        return
    ref = after.order_id
    if before.status in _NOT_SENT and after.status in _AT_THE_BROKER and after.parent_id is None:
        tell(tx, after.book, MessageKind.ORDER_SENT, f"order_sent:{ref}", order_words(after))
    elif after.status is OrderStatus.REJECTED:
        text = f"{order_words(after)}: {after.detail or 'the broker gave no reason'}"
        tell(tx, after.book, MessageKind.ORDER_REJECTED, f"order_rejected:{ref}", text)
    elif after.status in (OrderStatus.CANCELLED, OrderStatus.EXPIRED) and not after.is_protective:
        done = f", {_shares(after.filled_quantity)} of it filled" if after.filled_quantity else ""
        text = f"{order_words(after)}: {after.status}{done} ({after.detail or 'no reason was given'})"
        tell(tx, after.book, MessageKind.ORDER_CANCELLED, f"order_cancelled:{ref}", text)


def tell_return(tx: Transaction, before: Order, after: Order, seen_at: datetime) -> None:
    """Warn that the broker works an order that was over for us, because an earlier list of its orders lacked it."""
    text = f"{order_words(after)}: taken for {before.status}, and the broker lists it as {after.status} again"
    key = f"order_back:{after.order_id}:{seen_at:%Y-%m-%dT%H:%M:%S}"
    tell(tx, after.book, MessageKind.RECONCILIATION, key, text, severity=Severity.WARNING)


def tell_unknown(tx: Transaction, lost: Sequence[Order], detail: str) -> None:
    """Alarm that the fate of a family's orders is unknown."""
    names = ", ".join(order.order_id for order in lost)
    text = f"the fate of {names} is unknown: {detail}; it is never resent by itself, look at the broker"
    first = lost[0]
    tell(tx, first.book, MessageKind.ORDER_UNKNOWN, f"unknown:{first.parent_id or first.order_id}", text)


def tell_fill(tx: Transaction, order: Order, booking: Booking, filled_quantity: Decimal) -> None:
    """Tell an execution, with what it earned where it sold.

    Args:
        filled_quantity: shares of the order that are booked, this execution included.
    """
    fill = booking.fill
    is_whole = filled_quantity >= order.quantity
    kind = MessageKind.ORDER_FILLED if is_whole else MessageKind.ORDER_PARTIAL
    text = fill_text(fill)
    if not is_whole:
        text += f"; {_shares(filled_quantity)} of {_shares(order.quantity)} so far"
    if booking.disposals:
        earned = sum((d.proceeds_usd - d.basis_usd for d in booking.disposals), Decimal(0))
        text += f", result {earned:+,.2f} USD"
    if order.purpose is OrderPurpose.STOP:
        kind, text = MessageKind.STOP_HIT, f"the stop {text}"
    elif order.cause or order.purpose is not OrderPurpose.ENTRY:
        text += f" ({order.cause or PURPOSES[order.purpose]})"
    tell(tx, fill.book, kind, fill_key(fill), text)


def tell_stop_moved(tx: Transaction, before: Order, after: Order) -> None:
    """Tell that the broker moved a trailing stop up."""
    if before.stop_price is None or after.stop_price is None or after.stop_price == before.stop_price:
        return
    way = f"{_price(before.stop_price)} to {_price(after.stop_price)} USD"
    text = f"{after.symbol}: {way}, {_shares(after.quantity)} shares"
    key = f"stop_moved:{after.order_id}:{after.stop_price.normalize():f}"
    tell(tx, after.book, MessageKind.STOP_MOVED, key, text)


def tell_state(
    tx: Transaction, book: BookId, before: TradingState, after: TradingState, *, reason: str, actor: str
) -> None:
    """Tell a change of the trading state that was stored a moment ago, in this transaction."""
    event = tx.controls.state_event(book)
    at = event.happened_at.isoformat() if event is not None else reason
    severity = Severity.ERROR if after in (TradingState.HALTED, TradingState.LOCKED) else Severity.WARNING
    moved = str(after) if before is after else f"{before} → {after}"
    text = f"{moved} by {actor}: {reason}"
    tell(tx, book, MessageKind.STATE_CHANGE, f"state:{book}:{at}", text, severity=severity)


def fill_key(fill: Fill) -> str:
    """Return the key of the message about an execution."""
    return f"order_filled:{fill.book}:{fill.fill_id}"


def fill_text(fill: Fill) -> str:
    """Return the sentence about one execution, e.g. "bought 12 NVDA at 181.0200 USD, commission 1.00 USD"."""
    verb = {"BUY": "bought", "SELL": "sold"}[fill.side]
    cost = "not reported yet" if fill.commission_usd is None else f"{fill.commission_usd:.2f} USD"
    return f"{verb} {_shares(fill.quantity)} {fill.symbol} at {fill.price} USD, commission {cost}"


def order_words(order: Order) -> str:
    """Return an order in one line, e.g. "BUY 12 NVDA, limit 181.02 (entry)"."""
    how = {
        OrderType.MARKET: "at the market",
        OrderType.MARKET_ON_OPEN: "at the next open",
        OrderType.LIMIT: f"limit {_price(order.limit_price)}",
        OrderType.STOP: f"stop {_price(order.stop_price)}",
        OrderType.TRAIL: f"trailing stop {_price(order.stop_price)}",
    }[order.order_type]
    return f"{order.side} {_shares(order.quantity)} {order.symbol}, {how} ({order.cause or PURPOSES[order.purpose]})"


def _shares(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"


def _price(price: Decimal | None) -> str:
    return "unknown" if price is None else f"{price:,.2f}"
