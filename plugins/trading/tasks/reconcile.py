"""Nightly proof that the book equals the broker's: positions, cash, executions, orders, protections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from trading.accounting import reconciliation
from trading.accounting.reconciliation import Difference
from trading.domain.fills import Fill
from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.domain.orders import OPEN, Order
from trading.domain.portfolio import Portfolio
from trading.errors import ConfigurationError
from trading.ports import BrokerSnapshot, Services, Transaction
from trading.strategy.spec import StrategySpec
from trading.tasks.halting import RESUME, halt
from trading.tasks.report import StepReport

CASH_TOLERANCE_USD = Decimal("0.01")
_SHOWN = 5


def reconcile(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Compare the book with the broker now, store every difference, and halt on one that nothing explains.

    The book is read before the broker is asked: an execution that arrives in between is then one that we have not
    booked yet, and never shares that nobody can explain.
    """
    if services.broker is None:
        raise ConfigurationError(f"{book} has no broker to compare with; set AIRDESK_BROKER_PORT")
    with services.store.transaction() as tx:
        portfolio = tx.ledger.portfolio(book, slot.as_of)
        fills, working = tx.ledger.fills(book), tx.orders.working(book)
    with services.broker.connect() as broker:
        snapshot = broker.snapshot(book)
    found = differences(portfolio, fills, working, snapshot)
    with services.store.transaction() as tx:
        halted = _store(tx, book, slot, snapshot, found)
    notes = tuple(_sentence(d) for d in found[:_SHOWN])
    if halted:
        notes = (*notes, "trading is HALTED until an operator resumes")
    counts = {"positions": len(snapshot.positions), "differences": len(found)}
    return StepReport("reconcile", counts, notes, degraded=bool(found))


def differences(
    portfolio: Portfolio, fills: Sequence[Fill], working: Sequence[Order], snapshot: BrokerSnapshot
) -> tuple[Difference, ...]:
    """Return every difference between our rows and one broker snapshot."""
    started_at = snapshot.taken_at.replace(hour=0, minute=0, second=0, microsecond=0)
    ours_today = [f for f in fills if started_at <= f.executed_at <= snapshot.taken_at]
    status = {o.order_ref: o.status for o in snapshot.orders if o.order_ref is not None}
    foreign = [(o.symbol, o.perm_id) for o in snapshot.orders if o.order_ref is None and o.status in OPEN]
    return (
        *reconciliation.reconcile(
            portfolio,
            snapshot.positions,
            snapshot.cash_usd,
            cash_tolerance_usd=CASH_TOLERANCE_USD,
            unbooked=reconciliation.unbooked_fills(fills, snapshot.fills),
        ),
        *reconciliation.compare_fills(ours_today, snapshot.fills),
        *reconciliation.compare_orders(working, status, foreign),
        *reconciliation.unprotected(portfolio, _live(working, snapshot)),
    )


def _live(working: Sequence[Order], snapshot: BrokerSnapshot) -> list[Order]:
    """Return our orders as the broker works them: its status and quantities, our purpose."""
    live = []
    for order in working:
        theirs = snapshot.find(order.order_id)
        if theirs is not None and theirs.status in OPEN:
            live.append(
                replace(order, status=theirs.status, quantity=theirs.quantity, filled_quantity=theirs.filled_quantity)
            )
    return live


def _store(tx: Transaction, book: BookId, slot: Slot, snapshot: BrokerSnapshot, found: Sequence[Difference]) -> bool:
    """Store the reconciliation with its breaks and message; return whether it halted the book."""
    number = tx.controls.add_reconciliation(
        book, session_on=slot.session_on, is_clean=not found, at=snapshot.taken_at,
        detail={"account": snapshot.account, "positions": len(snapshot.positions), **Counter(d.kind for d in found)},
    )  # fmt: skip
    for d in found:
        tx.controls.add_break(number, book, kind=d.kind.value, symbol=d.symbol, ours=d.ours, theirs=d.theirs)
    if not found:
        return False
    halts = any(d.kind.halts for d in found) and halt(tx, book, reason=_sentence(found[0]), actor="reconcile")
    title = f"{book.badge} {book}: reconciliation {slot.session_on}: {len(found)} differences"
    body = "\n".join([title, *map(_sentence, found[:_SHOWN])])
    tx.controls.notify(
        dedupe_key=f"reconciliation:{book}:{number}", book=book, kind="reconciliation", severity="error",
        body=body + (f"\ntrading is HALTED; look at the breaks, then {RESUME}" if halts else ""),
    )  # fmt: skip
    return halts


def _sentence(d: Difference) -> str:
    subject = f"{d.kind} {d.symbol}" if d.symbol else str(d.kind)
    return f"{subject}: ours {d.ours}, broker {d.theirs}"
