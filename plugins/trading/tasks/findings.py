"""What a look at the broker shows that our own orders and executions do not account for; each is told once."""

from __future__ import annotations

from decimal import Decimal

from trading.domain.instruments import BookId
from trading.domain.orders import OPEN, OrderStatus
from trading.ports import BrokerSnapshot, Transaction
from trading.tasks.halting import RESUME


def findings(tx: Transaction, book: BookId, snapshot: BrokerSnapshot) -> tuple[str, ...]:
    """Return sentences about foreign activity, orders of unknown fate and shares that nothing explains."""
    return (*_foreign(tx, book, snapshot), *_lost(tx, book), *_unexplained(tx, book, snapshot))


def _foreign(tx: Transaction, book: BookId, snapshot: BrokerSnapshot) -> list[str]:
    """Sentences about working orders and executions that carry no reference of this book; each is told once."""
    found: list[str] = []
    for order in snapshot.orders:
        if order.status in OPEN and not _is_ours(tx, book, order.order_ref):
            text = (
                f"{order.symbol}: order {order.perm_id} at the broker is not ours; look at it in TWS, cancel it there, "
                f"then {RESUME}"
            )
            found.append(_tell(tx, book, f"foreign_order:{book}:{order.perm_id}", text))
    for fill in snapshot.fills:
        if not _is_ours(tx, book, fill.order_id):
            text = (
                f"{fill.symbol}: execution {fill.fill_id} is not ours; look at it in TWS, settle it there; on the next "
                f"day, when the broker lists it no more, {RESUME}"
            )
            found.append(_tell(tx, book, f"foreign_fill:{book}:{fill.fill_id}", text))
    return found


def _is_ours(tx: Transaction, book: BookId, order_ref: str | None) -> bool:
    order = tx.orders.get(order_ref) if order_ref else None
    return order is not None and order.book == book


def _lost(tx: Transaction, book: BookId) -> list[str]:
    """Sentences about orders whose fate is unknown."""
    return [
        _tell(tx, book, f"unknown:{o.order_id}", f"{o.symbol}: the fate of order {o.order_id} is unknown; {o.detail}")
        for o in tx.orders.working(book)
        if o.status is OrderStatus.UNKNOWN
    ]


def _unexplained(tx: Transaction, book: BookId, snapshot: BrokerSnapshot) -> list[str]:
    """Sentences about positions that our fills do not explain."""
    portfolio = tx.ledger.portfolio(book, snapshot.taken_at)
    ours = {symbol: position.quantity for symbol, position in portfolio.positions.items()}
    found: list[str] = []
    for symbol in sorted({*ours, *snapshot.positions}):
        held, theirs = ours.get(symbol, Decimal(0)), snapshot.positions.get(symbol, Decimal(0))
        if held != theirs:
            text = f"{symbol}: the book holds {held} shares, the broker {theirs}; run a reconciliation"
            found.append(_tell(tx, book, f"position:{book}:{symbol}:{held}:{theirs}", text))
    return found


def _tell(tx: Transaction, book: BookId, dedupe_key: str, text: str) -> str:
    body = f"{book.badge} {book}: {text}"
    tx.controls.notify(dedupe_key=dedupe_key, book=book, kind="broker", severity="error", body=body)
    return text
