"""Our book against the broker's: every difference is a value with both sides spelt out.

Executions are the truth for shares and cash. A difference that executions of ours which are not booked yet, or activity
outside the book, account for is theirs; one that nothing accounts for stops trading.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.accounting.reconciliation_kinds import Difference, DifferenceKind
from trading.domain.fills import Fill, revision_of
from trading.domain.instruments import Symbol
from trading.domain.money import ZERO
from trading.domain.orders import LEAVING, OPEN, Order, OrderPurpose, OrderRef, OrderStatus, Side
from trading.domain.portfolio import Portfolio

CASH_TOLERANCE_USD = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Outside:
    """Shares and cash that the broker holds beside the book: signed, of one foreign activity."""

    symbol: Symbol
    quantity: Decimal
    cash_usd: Decimal


def effect_of(fill: Fill) -> tuple[Decimal, Decimal]:
    """Return what an execution adds to shares and to cash, signed; a commission that is not known counts as zero."""
    sign = 1 if fill.side is Side.BUY else -1
    return sign * fill.quantity, -sign * fill.quantity * fill.price - (fill.commission_usd or ZERO)


def compare_positions(
    book: Portfolio,
    broker_positions: Mapping[Symbol, Decimal],
    *,
    unbooked: Sequence[Fill] = (),
    outside: Sequence[Outside] = (),
) -> tuple[Difference, ...]:
    """Return how the shares of `book` differ from the broker's, exactly.

    Args:
        book: what we say we hold.
        broker_positions: shares by symbol, zero positions left out.
        unbooked: executions of our orders that the broker knows and the book does not. Each is a difference of its
            own, and the shares that it accounts for are not reported again.
        outside: what the broker holds beside the book.
    """
    expected: dict[Symbol, Decimal] = defaultdict(Decimal)
    for symbol, position in book.positions.items():
        expected[symbol] += position.quantity
    for fill in unbooked:
        expected[fill.symbol] += effect_of(fill)[0]
    for activity in outside:
        expected[activity.symbol] += activity.quantity
    late = tuple(_of_fill(DifferenceKind.UNBOOKED_FILL, f, "not booked") for f in unbooked)
    moved = tuple(
        Difference(
            DifferenceKind.POSITION,
            symbol,
            _shares(expected[symbol]),
            _shares(theirs),
            quantity=theirs - expected[symbol],
        )
        for symbol in sorted({*expected, *broker_positions})
        if (theirs := broker_positions.get(symbol, ZERO)) != expected[symbol]
    )
    return (*late, *moved)


def compare_cash(
    book: Portfolio, broker_cash_usd: Decimal, *, unbooked: Sequence[Fill] = (), outside: Sequence[Outside] = ()
) -> tuple[Difference, ...]:
    """Return how cash differs beyond rounding (`CASH_TOLERANCE_USD`), once what is not booked and outside is added."""
    ours = book.cash_usd + sum((effect_of(f)[1] for f in unbooked), ZERO) + sum((o.cash_usd for o in outside), ZERO)
    if abs(ours - broker_cash_usd) <= CASH_TOLERANCE_USD:
        return ()
    sides = f"{ours:,.2f} USD", f"{broker_cash_usd:,.2f} USD"
    return (Difference(DifferenceKind.CASH, None, *sides, cash_usd=broker_cash_usd - ours),)


def unbooked_fills(ours: Iterable[Fill], theirs: Sequence[Fill]) -> tuple[Fill, ...]:
    """Return the broker's executions of our orders that the book does not have."""
    booked = _bases(ours)
    return tuple(f for f in theirs if f.order_id is not None and revision_of(f.fill_id).base not in booked)


def compare_fills(ours_today: Sequence[Fill], theirs_today: Sequence[Fill]) -> tuple[Difference, ...]:
    """Return executions that only one side has, the unbooked ones of our own orders left out."""
    known, booked = _bases(theirs_today), _bases(ours_today)
    foreign = (
        _of_fill(DifferenceKind.FOREIGN_FILL, fill, "no order of ours")
        for fill in theirs_today
        if fill.order_id is None and revision_of(fill.fill_id).base not in booked
    )
    missing = (
        Difference(DifferenceKind.MISSING_FILL, fill.symbol, _text(fill), "unknown to the broker", fill.fill_id)
        for fill in ours_today
        if revision_of(fill.fill_id).base not in known
    )
    return (*foreign, *missing)


def compare_orders(
    working: Iterable[Order],
    broker_status: Mapping[OrderRef, OrderStatus],
    foreign: Collection[tuple[Symbol, int]],
    perm_ids: Collection[tuple[OrderRef, int]] = (),
    over: Iterable[tuple[Order, int]] = (),
) -> tuple[Difference, ...]:
    """Return orders that the two sides do not hold alike.

    Args:
        working: our orders that are reserved, at the broker or unknown.
        broker_status: what the broker says about each reference it knows.
        foreign: symbol and permanent id of open orders at the broker without a reference of ours.
        perm_ids: reference of ours and permanent id of every order that the broker lists.
        over: orders that are over for us and that the broker works, with the permanent id under which it does.
    """
    orders = tuple(working)
    symbols = {order.order_id: order.symbol for order in orders}
    lost = (
        Difference(
            DifferenceKind.LOST_ORDER, order.symbol, f"{order.order_id} {order.status}",
            str(broker_status.get(order.order_id, "unknown to the broker")), order.order_id,
        )
        for order in orders
        if order.status in OPEN and broker_status.get(order.order_id) not in OPEN
    )  # fmt: skip
    unknown = (
        Difference(
            DifferenceKind.UNKNOWN_ORDER, order.symbol, f"{order.order_id}: {order.detail or 'fate unknown'}",
            str(broker_status.get(order.order_id, "unknown to the broker")), order.order_id,
        )
        for order in orders
        if order.status is OrderStatus.UNKNOWN
    )  # fmt: skip
    twice = (
        Difference(DifferenceKind.DUPLICATE_ORDER, symbols.get(ref), f"one order {ref}", f"{count} orders", ref)
        for ref, count in sorted(Counter(ref for ref, _ in dict.fromkeys(perm_ids)).items())
        if count > 1
    )
    strangers = (
        Difference(DifferenceKind.FOREIGN_ORDER, symbol, "no order of ours", f"open order {perm_id}", str(perm_id))
        for symbol, perm_id in foreign
    )
    return (*twice, *unknown, *lost, *(_still_working(order, perm_id) for order, perm_id in over), *strangers)


def _still_working(order: Order, perm_id: int) -> Difference:
    """Return an order that is over for us and works at the broker: the same one, or a second one of its name."""
    is_same = order.may_be(perm_id)
    kind = DifferenceKind.LOST_ORDER if is_same else DifferenceKind.DUPLICATE_ORDER
    ours = f"{order.order_id} {order.status}" + ("" if is_same else f" as {order.broker_order_id}")
    return Difference(kind, order.symbol, ours, f"open order {perm_id}", order.order_id)


def unprotected(book: Portfolio, live: Iterable[Order]) -> tuple[Difference, ...]:
    """Return symbols without one live stop and one live target for exactly the shares that no exit is about to sell.

    Protection of a symbol that is not held is one of them: it would open a short.

    Args:
        book: what we hold.
        live: our orders that the broker works now. A symbol with a working entry is left out: its protection is
            sized for the whole entry until that ends. So is the target of a stop that has begun to sell: the broker
            may have taken it away.
    """
    by_symbol: dict[Symbol, list[Order]] = defaultdict(list)
    for order in live:
        by_symbol[order.symbol].append(order)
    found = []
    for symbol in sorted({*book.positions, *by_symbol}):
        orders = by_symbol[symbol]
        if any(o.purpose is OrderPurpose.ENTRY for o in orders):
            continue
        held = book.positions[symbol].quantity if symbol in book.positions else ZERO
        leaving = sum((o.remaining for o in orders if o.purpose in LEAVING), ZERO)
        stops, targets = (
            [o for o in orders if o.purpose is purpose] for purpose in (OrderPurpose.STOP, OrderPurpose.TARGET)
        )
        is_selling = any(o.filled_quantity > 0 for o in stops)
        if not _guards(stops, held - leaving) or not (_guards(targets, held - leaving) or is_selling):
            seen = f"{_legs(stops, 'stop')}, {_legs(targets, 'target')}, exits for {_shares(leaving)}"
            found.append(Difference(DifferenceKind.PROTECTION, symbol, f"{_shares(held)} held", seen))
    return tuple(found)


def _guards(legs: Sequence[Order], shares: Decimal) -> bool:
    return len(legs) <= 1 and sum((o.remaining for o in legs), ZERO) == shares


def _legs(legs: Sequence[Order], name: str) -> str:
    return f"{len(legs)} {name}{'' if len(legs) == 1 else 's'} for {_shares(sum((o.remaining for o in legs), ZERO))}"


def pending_commissions(fills: Iterable[Fill], *, before: datetime) -> tuple[Difference, ...]:
    """Return executions from before `before` whose commission the broker never reported."""
    return tuple(
        Difference(DifferenceKind.COMMISSION_PENDING, f.symbol, f"{_text(f)}, no commission", "not reported", f.fill_id)
        for f in fills
        if f.commission_usd is None and f.executed_at < before
    )


def _of_fill(kind: DifferenceKind, fill: Fill, ours: str) -> Difference:
    quantity, cash_usd = effect_of(fill)
    return Difference(kind, fill.symbol, ours, _text(fill), fill.fill_id, quantity, cash_usd, fill)


def _bases(fills: Iterable[Fill]) -> set[str]:
    """Return which executions these are, whichever version of each: a broker corrects one under a new number."""
    return {revision_of(fill.fill_id).base for fill in fills}


def _shares(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"


def _text(fill: Fill) -> str:
    return f"{fill.fill_id}: {fill.side} {_shares(fill.quantity)} at {fill.price}"
