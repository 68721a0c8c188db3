"""Our book against the broker's: every difference is a value with both sides spelt out.

Executions are the truth for shares and cash. A difference that executions of ours which are not booked yet account
for is theirs to book; one that nothing accounts for stops trading.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trading.domain.fills import Fill
from trading.domain.instruments import Symbol
from trading.domain.money import ZERO
from trading.domain.orders import OPEN, Order, OrderPurpose, OrderRef, OrderStatus, Side
from trading.domain.portfolio import Portfolio

_LEAVING = frozenset({OrderPurpose.EXIT, OrderPurpose.TRIM})


class DifferenceKind(StrEnum):
    """What disagrees."""

    POSITION = "position"
    CASH = "cash"
    UNBOOKED_FILL = "unbooked_fill"
    FOREIGN_FILL = "foreign_fill"
    FOREIGN_ORDER = "foreign_order"
    MISSING_FILL = "missing_fill"
    LOST_ORDER = "lost_order"
    PROTECTION = "protection"

    @property
    def halts(self) -> bool:
        """Whether trading stops: the books are wrong, not merely late or thinly guarded."""
        return self in _HALTING


_HALTING = frozenset(
    {DifferenceKind.POSITION, DifferenceKind.CASH, DifferenceKind.FOREIGN_FILL, DifferenceKind.MISSING_FILL}
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement between book and broker.

    Attributes:
        symbol: None for cash.
        ours, theirs: what each side says, for people.
    """

    kind: DifferenceKind
    symbol: Symbol | None
    ours: str
    theirs: str


def reconcile(
    book: Portfolio,
    broker_positions: Mapping[Symbol, Decimal],
    broker_cash_usd: Decimal,
    *,
    cash_tolerance_usd: Decimal,
    unbooked: Sequence[Fill] = (),
) -> tuple[Difference, ...]:
    """Return how shares and cash of `book` differ from the broker's; shares are compared exactly.

    Args:
        book: what we say we hold.
        broker_positions: shares by symbol, zero positions left out.
        broker_cash_usd: total cash at the broker.
        cash_tolerance_usd: largest difference that counts as rounding.
        unbooked: executions of our orders that the broker knows and the book does not. Each is a difference of its
            own, and what it accounts for is not reported again as shares or cash.
    """
    shares = {symbol: position.quantity for symbol, position in book.positions.items() if position.quantity}
    cash_usd = book.cash_usd
    for fill in unbooked:
        sign = 1 if fill.side is Side.BUY else -1
        shares[fill.symbol] = shares.get(fill.symbol, ZERO) + sign * fill.quantity
        cash_usd -= sign * fill.quantity * fill.price + (fill.commission_usd or ZERO)
    late = (Difference(DifferenceKind.UNBOOKED_FILL, f.symbol, "not booked", _of_fill(f)) for f in unbooked)
    moved = (
        Difference(
            DifferenceKind.POSITION, symbol, f"{shares.get(symbol, ZERO)}", f"{broker_positions.get(symbol, ZERO)}"
        )
        for symbol in sorted({*shares, *broker_positions})
        if shares.get(symbol, ZERO) != broker_positions.get(symbol, ZERO)
    )
    cash = () if abs(cash_usd - broker_cash_usd) <= cash_tolerance_usd else (_of_cash(cash_usd, broker_cash_usd),)
    return (*late, *moved, *cash)


def unbooked_fills(ours: Iterable[Fill], theirs: Sequence[Fill]) -> tuple[Fill, ...]:
    """Return the broker's executions of our orders that the book does not have."""
    booked = {fill.fill_id for fill in ours}
    return tuple(fill for fill in theirs if fill.order_id is not None and fill.fill_id not in booked)


def compare_fills(ours_today: Sequence[Fill], theirs_today: Sequence[Fill]) -> tuple[Difference, ...]:
    """Return executions that only one side has, the unbooked ones of our own orders left out."""
    known = {fill.fill_id for fill in theirs_today}
    foreign = (
        Difference(DifferenceKind.FOREIGN_FILL, fill.symbol, "no order of ours", _of_fill(fill))
        for fill in theirs_today
        if fill.order_id is None
    )
    missing = (
        Difference(DifferenceKind.MISSING_FILL, fill.symbol, _of_fill(fill), "unknown to the broker")
        for fill in ours_today
        if fill.fill_id not in known
    )
    return (*foreign, *missing)


def compare_orders(
    working: Iterable[Order], broker_status: Mapping[OrderRef, OrderStatus], foreign: Collection[tuple[Symbol, int]]
) -> tuple[Difference, ...]:
    """Return orders that we hold for working and the broker does not, and working orders that are not ours.

    Args:
        working: our orders that are reserved, at the broker or unknown.
        broker_status: what the broker says about each reference it knows.
        foreign: symbol and permanent id of open orders at the broker without a reference of ours.
    """
    lost = (
        Difference(
            DifferenceKind.LOST_ORDER, order.symbol, f"{order.order_id} {order.status}",
            str(broker_status.get(order.order_id, "unknown to the broker")),
        )
        for order in working
        if order.status in OPEN and broker_status.get(order.order_id) not in OPEN
    )  # fmt: skip
    strangers = (
        Difference(DifferenceKind.FOREIGN_ORDER, symbol, "no order of ours", f"open order {perm_id}")
        for symbol, perm_id in foreign
    )
    return (*lost, *strangers)


def unprotected(book: Portfolio, live: Iterable[Order]) -> tuple[Difference, ...]:
    """Return longs without one live stop for exactly the shares that no working exit is about to sell.

    Args:
        book: what we hold.
        live: our orders that the broker works now. A symbol with a working entry is left out: its protection is
            sized for the whole entry until that ends.
    """
    by_symbol: dict[Symbol, list[Order]] = defaultdict(list)
    for order in live:
        by_symbol[order.symbol].append(order)
    found = []
    for symbol, position in sorted(book.positions.items()):
        orders = by_symbol[symbol]
        if not position.quantity or any(o.purpose is OrderPurpose.ENTRY for o in orders):
            continue
        stops = [o.remaining for o in orders if o.purpose is OrderPurpose.STOP]
        leaving = sum((o.remaining for o in orders if o.purpose in _LEAVING), ZERO)
        if sum(stops, ZERO) + leaving != position.quantity or len(stops) > 1:
            seen = f"{len(stops)} stops for {sum(stops, ZERO)}, exits for {leaving}"
            found.append(Difference(DifferenceKind.PROTECTION, symbol, f"{position.quantity} held", seen))
    return tuple(found)


def _of_fill(fill: Fill) -> str:
    return f"{fill.fill_id}: {fill.side} {fill.quantity} at {fill.price}"


def _of_cash(ours_usd: Decimal, theirs_usd: Decimal) -> Difference:
    return Difference(DifferenceKind.CASH, None, f"{ours_usd} USD", f"{theirs_usd} USD")
