"""Executions become bookings: each base id once, its newest revision standing, commissions whenever they come.

A broker corrects an execution by sending it again with a higher number after the last dot of its id. The booking it
replaces is taken back, and both stay in the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from trading.accounting.corrections import corrected
from trading.accounting.lots import book_fill
from trading.accounting.tax.trail import method_on
from trading.domain.fills import Booking, Fill, newest_revisions, revision_of
from trading.domain.instruments import BookId
from trading.domain.money import ZERO
from trading.domain.orders import DONE, Order, OrderEvent, OrderRef, OrderStatus, Side
from trading.ports import BrokerSnapshot, Transaction
from trading.tasks.telling import tell_fill


def book_fills(tx: Transaction, book: BookId, snapshot: BrokerSnapshot) -> tuple[int, int]:
    """Book executions that are ours and new, oldest first, and commissions that came late; how many of each."""
    fills = tx.ledger.fills(book)
    known = {revision_of(f.fill_id).base: f for f in fills}
    filled = _filled_by_order(fills)
    booked = commissions = 0
    for fill in sorted(newest_revisions(snapshot.fills), key=lambda f: (f.executed_at, f.side is Side.SELL, f.fill_id)):
        mine = known.get(revision_of(fill.fill_id).base)
        order = tx.orders.get(fill.order_id) if fill.order_id else None
        if mine is not None and revision_of(mine.fill_id).number >= revision_of(fill.fill_id).number:
            if mine.fill_id == fill.fill_id and mine.commission_usd is None and fill.commission_usd is not None:
                commissions += tx.ledger.add_commission(book, fill.fill_id, fill.commission_usd)
        elif order is None or order.book != book:
            continue
        elif mine is not None:
            booked += _correct(tx, mine, fill)
        else:
            booking = booking_of(tx, fill)
            booked += tx.ledger.add_booking(booking)
            filled[order.order_id] += fill.quantity
            tell_fill(tx, order, booking, filled[order.order_id])
            _fill_after_the_end(tx, order, newest_revisions(snapshot.fills))
    return booked, commissions


def _filled_by_order(fills: Iterable[Fill]) -> defaultdict[OrderRef, Decimal]:
    filled: defaultdict[OrderRef, Decimal] = defaultdict(Decimal)
    for fill in newest_revisions(fills):
        if fill.order_id is not None:
            filled[fill.order_id] += fill.quantity
    return filled


def booking_of(tx: Transaction, fill: Fill) -> Booking:
    """Return what `fill` does to the stored lots, by the method of its book on that day."""
    method = method_on(fill.executed_at.date(), tx.tax.methods(fill.book))
    return book_fill(fill, tx.ledger.lots(fill.book, fill.symbol), method)


def _correct(tx: Transaction, wrong: Fill, right: Fill) -> bool:
    book = wrong.book
    disposals = [d for d in tx.ledger.disposals(book) if d.symbol == wrong.symbol]
    return tx.ledger.add_correction(corrected(wrong, right, tx.ledger.lots(book, wrong.symbol), disposals), wrong)


def _fill_after_the_end(tx: Transaction, order: Order, fills: Sequence[Fill]) -> None:
    """An order that we held for cancelled, expired or rejected may still report an execution."""
    if order.status not in DONE or order.status is OrderStatus.FILLED:
        return
    mine = [f for f in fills if f.order_id == order.order_id]
    filled = sum((f.quantity for f in mine), ZERO)
    status = OrderStatus.FILLED if filled >= order.quantity else OrderStatus.PARTIALLY_FILLED
    tx.orders.record(order, OrderEvent(order.order_id, status, mine[-1].executed_at, filled_quantity=filled))
