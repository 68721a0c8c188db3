"""Orders and their life: one table says which event may follow which state."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from trading.domain.instruments import BookId, Symbol
from trading.domain.records import changed, quick
from trading.errors import InvariantBroken

type OrderRef = str
"""Our name of one order leg, at most 40 characters; the broker carries it as `orderRef`."""


class Side(StrEnum):
    """Direction; quantities are always positive."""

    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    """How an order is priced."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    TRAIL = "trail"
    MARKET_ON_OPEN = "market_on_open"


class TimeInForce(StrEnum):
    """How long an order works. `UNTIL` ends at `Order.expires_at`."""

    DAY = "day"
    GTC = "gtc"
    OPENING = "opening"
    UNTIL = "until"


class OrderPurpose(StrEnum):
    """Why the order exists.

    Attributes:
        EXIT: sells all to cut risk: breaker, bad news, a fallen price, an operator.
        RULE_EXIT: sells all because a rule finds the position done, e.g. `rsi_above`; it could have waited.
        TRIM: sells a part that is over a limit. REBALANCE: sells a part to come back to target; it could have waited.
    """

    ENTRY = "entry"
    EXIT = "exit"
    RULE_EXIT = "rule_exit"
    TRIM = "trim"
    REBALANCE = "rebalance"
    STOP = "stop"
    TARGET = "target"


PROTECTIVE = frozenset({OrderPurpose.STOP, OrderPurpose.TARGET})
BY_CHOICE = frozenset({OrderPurpose.RULE_EXIT, OrderPurpose.REBALANCE, OrderPurpose.TRIM})
"""Sales that no risk asks for: the tax law may keep them waiting. A weight over its band is no danger of a day."""
IN_FULL = frozenset({OrderPurpose.EXIT, OrderPurpose.RULE_EXIT})
IN_PART = frozenset({OrderPurpose.TRIM, OrderPurpose.REBALANCE})
LEAVING = IN_FULL | IN_PART
"""Sales that are decided, as against those that wait at the broker."""
BREAKER, SOFTWARE_STOP, ON_TARGET, FLATTEN = "drawdown_breaker", "software_stop", "take_profit", "flatten"
"""Causes of a sale in full that are no rule."""


class OrderStatus(StrEnum):
    """Where an order is. Only executions move money; `CANCELLED` is what the broker's snapshot says, not a hint."""

    PLANNED = "planned"
    DENIED = "denied"
    RESERVED = "reserved"
    SUBMITTED = "submitted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


OPEN = frozenset({OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED})
"""States in which the broker works the order."""
DONE = frozenset(
    {OrderStatus.DENIED, OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED}
)


@quick
@dataclass(frozen=True)
class Order:
    """One leg at the broker.

    Attributes:
        order_id: `OrderRef`, deterministic from book, decision, symbol, purpose and leg.
        parent_id: the entry that this protection waits for; None for a stand-alone order.
        quantity: shares, whole and positive.
        limit_price, stop_price: USD/share; None where the type has none. A trailing stop's `stop_price` is where
            it stands now.
        trail_frac: distance of a trailing stop from the high-water price [0–1].
        planned_at: `cutoff_at` of the decision; nothing older fills it.
        expires_at: end of an UNTIL order.
        detail: a veto's or a broker's words; None if there are none.
        cause: the exit rule that a sale in full follows from, or one of the causes above; None for every other order.
        is_inferred: the desk concluded the status from what the broker did not list; the broker never said it.
    """

    order_id: OrderRef
    book: BookId
    decision_id: str
    symbol: Symbol
    side: Side
    quantity: Decimal
    order_type: OrderType
    time_in_force: TimeInForce
    purpose: OrderPurpose
    planned_at: datetime
    leg: int = 0
    parent_id: OrderRef | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_frac: float | None = None
    expires_at: datetime | None = None
    status: OrderStatus = OrderStatus.PLANNED
    filled_quantity: Decimal = Decimal(0)
    broker_order_id: int | None = None
    detail: str | None = None
    cause: str | None = None
    is_inferred: bool = False

    @property
    def remaining(self) -> Decimal:
        """Shares not yet filled."""
        return self.quantity - self.filled_quantity

    @property
    def is_protective(self) -> bool:
        """Whether this leg guards a position."""
        return self.purpose in PROTECTIVE

    @property
    def may_come_back(self) -> bool:
        """Whether it is over by our own conclusion only: the broker's word that it works is stronger."""
        return self.is_inferred and self.status in _ENDED

    def may_be(self, perm_id: int) -> bool:
        """Whether the broker's order of that permanent id can be this one; under another id than ours it is another."""
        return self.broker_order_id in (None, perm_id)


@quick
@dataclass(frozen=True, slots=True)
class OrderEvent:
    """Something that happened to an order.

    Attributes:
        broker_order_id: the broker's permanent id (permId), once it is known.
        filled_quantity: cumulative shares; None when the event does not say.
        detail: the broker's words, for people.
        is_inferred: the broker did not say it; it follows from what a complete list of its orders lacked.
    """

    order_id: OrderRef
    status: OrderStatus
    happened_at: datetime
    broker_order_id: int | None = None
    filled_quantity: Decimal | None = None
    detail: str | None = None
    is_inferred: bool = False


def order_ref_for(book: BookId, decision_id: str, symbol: Symbol, purpose: OrderPurpose, leg: int) -> OrderRef:
    """Return the one name of this leg: the same inputs always give the same name, at most 40 characters."""
    seed = f"{book}|{decision_id}|{symbol}|{purpose}|{leg}"
    return f"{symbol[:8]}.{purpose}.{leg}.{hashlib.sha256(seed.encode()).hexdigest()[:16]}"


def purpose_in(order_ref: OrderRef | None) -> OrderPurpose | None:
    """Return the purpose that a reference of ours names, without asking any database; None for a foreign one."""
    words = (order_ref or "").split(".")
    return OrderPurpose(words[-3]) if len(words) > 3 and words[-3] in set(OrderPurpose) else None


_P, _R, _S, _F, _X = (
    OrderStatus.PLANNED, OrderStatus.RESERVED, OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.UNKNOWN,
)  # fmt: skip
_ENDED = frozenset({OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED})
_LISTED = OPEN | {_X}
"""What an order is that the broker lists among its open ones; it holds an UNKNOWN one back."""

# Real-world moves are legal: a fill after a cancel happens, so does a late "submitted" for a filled order.
MOVES: dict[OrderStatus, frozenset[OrderStatus]] = {
    _P: frozenset({OrderStatus.DENIED, _R, OrderStatus.CANCELLED, OrderStatus.EXPIRED}),
    OrderStatus.DENIED: frozenset(),
    _R: frozenset({_R, _S, _F, OrderStatus.FILLED, _X}) | _ENDED,
    _S: frozenset({_S, _F, OrderStatus.FILLED, _X}) | _ENDED,
    _F: frozenset({_F, OrderStatus.FILLED, _X}) | _ENDED,
    _X: frozenset({_S, _F, OrderStatus.FILLED, _X}) | _ENDED,
    OrderStatus.CANCELLED: frozenset({_F, OrderStatus.FILLED}),
    OrderStatus.REJECTED: frozenset({_F, OrderStatus.FILLED}),
    OrderStatus.EXPIRED: frozenset({_F, OrderStatus.FILLED}),
    OrderStatus.FILLED: frozenset(),
}
LATE: dict[OrderStatus, frozenset[OrderStatus]] = {
    _S: frozenset({_R}),
    _F: frozenset({_R, _S}),
    OrderStatus.FILLED: frozenset({_R, _S, _F, OrderStatus.FILLED, _X}) | _ENDED,
    OrderStatus.CANCELLED: frozenset({_R, _S, _X}) | _ENDED,
    OrderStatus.REJECTED: frozenset({_R, _S, _X}) | _ENDED,
    OrderStatus.EXPIRED: frozenset({_R, _S, _X}) | _ENDED,
    OrderStatus.DENIED: frozenset({OrderStatus.DENIED}),
}


def advance(order: Order, event: OrderEvent) -> Order:
    """Return `order` after `event`: moved, unchanged if the event is late news, or raise `InvariantBroken`.

    A cumulative filled quantity never falls and never exceeds the order. An end that was only inferred gives way to the
    broker's word that the order works.
    """
    if event.order_id != order.order_id:
        raise InvariantBroken(f"event of {event.order_id} applied to {order.order_id}; check the adapter's lookup")
    is_back = order.may_come_back and event.status in _LISTED and not event.is_inferred
    if not is_back and event.status in LATE.get(order.status, frozenset()):
        return order
    if not is_back and event.status not in MOVES[order.status]:
        raise InvariantBroken(
            f"{order.symbol} {order.order_id}: {order.status} cannot become {event.status}; trading is paused, "
            "run a reconciliation"
        )
    filled = max(order.filled_quantity, event.filled_quantity or Decimal(0))
    if filled > order.quantity:
        raise InvariantBroken(f"{order.order_id}: {filled} of {order.quantity} shares filled; run a reconciliation")
    return changed(
        order,
        status=event.status,
        filled_quantity=filled,
        broker_order_id=event.broker_order_id or order.broker_order_id,
        detail=event.detail or order.detail,
        is_inferred=event.is_inferred,
    )
