"""What a look at the broker shows that our own orders and executions do not account for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from trading.accounting import reconciliation
from trading.accounting.reconciliation import Outside
from trading.accounting.reconciliation_kinds import AT_A_LOOK, HOURLY, Difference, DifferenceKind
from trading.accounting.reconciliation_statement import is_under_way
from trading.domain.fills import Fill, newest_revisions, revision_of
from trading.domain.instruments import BookId, Symbol
from trading.domain.market import Slot
from trading.domain.orders import DONE, OPEN, Order, OrderRef, OrderStatus
from trading.domain.portfolio import Portfolio
from trading.errors import TransientError
from trading.ports import Broker, BrokerOrder, BrokerSnapshot, Proof, ReconciliationKind, Services, Transaction
from trading.tasks.breaks import file_proof
from trading.tasks.corporate import positions_as_settled
from trading.tasks.holdings import live_orders
from trading.tasks.outside import externals_at, rebased, splits_of, splits_today

COMMISSION_PATIENCE = timedelta(hours=12)
"""How long a broker may take to report a commission before somebody looks."""
PAY_DATE_PATIENCE = timedelta(days=90)
"""How long after its ex-date a dividend may be paid and still be that one."""


@dataclass(frozen=True, slots=True)
class _Theirs:
    """What the broker shows, told apart: ours by reference, foreign otherwise, and what is outside left out."""

    orders: tuple[BrokerOrder, ...]
    foreign_orders: tuple[BrokerOrder, ...]
    fills: tuple[Fill, ...]
    outside: tuple[Outside, ...]


def findings(tx: Transaction, book: BookId, snapshot: BrokerSnapshot) -> tuple[str, ...]:
    """Store what one look shows, stop what it stops, and return a sentence about each difference."""
    proof = _proof(tx, book, snapshot, AT_A_LOOK, code_hash="")
    return file_proof(tx, proof)


def reconcile_hour(
    services: Services, tx: Transaction, book: BookId, slot: Slot, snapshot: BrokerSnapshot
) -> tuple[str, ...]:
    """Compare at the start of an hourly run: what a look shows, lost orders and protections; no cash."""
    proof = _proof(tx, book, snapshot, HOURLY, code_hash=services.code_hash)
    return file_proof(tx, replace(proof, session_on=slot.session_on))


def snapshot_of(services: Services, broker: Broker, book: BookId) -> BrokerSnapshot:
    """Return everything that the broker knows; an incomplete answer is a break before it is an error.

    Raises:
        TransientError: the answer was not complete. Entries wait from now on, and a second time halts the book.
    """
    try:
        return broker.snapshot(book)
    except TransientError as error:
        at = services.clock.now()
        missing = Difference(DifferenceKind.INCOMPLETE, None, "a complete answer", str(error))
        proof = Proof(book, ReconciliationKind.HOURLY, at.date(), at, services.code_hash, (), (missing,), {})
        with services.store.transaction() as tx:
            file_proof(tx, proof)
        raise


def differences(
    tx: Transaction, book: BookId, snapshot: BrokerSnapshot, compared: Collection[DifferenceKind]
) -> tuple[Difference, ...]:
    """Return every difference of the kinds `compared`, and foreign executions, between our rows and one snapshot.

    The rows are read under the book's writer lock, after the snapshot's news were booked.
    """
    portfolio = tx.ledger.portfolio(book, snapshot.taken_at)
    fills, working = newest_revisions(tx.ledger.fills(book)), tx.orders.working(book)
    theirs = _told_apart(tx, book, snapshot)
    unbooked = reconciliation.unbooked_fills(fills, theirs.fills)
    started_at = snapshot.taken_at.replace(hour=0, minute=0, second=0, microsecond=0)
    ours_today = [f for f in fills if started_at <= f.executed_at <= snapshot.taken_at]
    found = (
        *reconciliation.compare_positions(
            portfolio, _positions(tx, book, snapshot, theirs.outside), unbooked=unbooked, outside=theirs.outside
        ),
        *reconciliation.compare_fills(ours_today, theirs.fills),
        *reconciliation.compare_orders(
            working,
            {o.order_ref: o.status for o in theirs.orders if o.order_ref is not None},
            [(o.symbol, o.perm_id) for o in theirs.foreign_orders],
            [(o.order_ref, o.perm_id) for o in theirs.orders if o.order_ref is not None],
            list(_over_but_working(tx, theirs.orders, {order.order_id for order in working})),
        ),
        *reconciliation.unprotected(portfolio, [o for o in live_orders(tx, book, snapshot) if o.status in OPEN]),
        *_cash(tx, portfolio, snapshot, unbooked, theirs.outside),
        *reconciliation.pending_commissions(fills, before=snapshot.taken_at - COMMISSION_PATIENCE),
    )
    return tuple(d for d in found if d.kind in compared or d.kind is DifferenceKind.FOREIGN_FILL)


def _over_but_working(
    tx: Transaction, theirs: Iterable[BrokerOrder], working: Collection[OrderRef]
) -> Iterator[tuple[Order, int]]:
    """Yield orders of ours that are over in the book and that the broker works, with its permanent id."""
    for listed in theirs:
        if listed.status not in OPEN or listed.order_ref is None or listed.order_ref in working:
            continue
        order = tx.orders.get(listed.order_ref)
        if order is not None and order.status in DONE and order.status is not OrderStatus.FILLED:
            yield order, listed.perm_id


def _positions(
    tx: Transaction, book: BookId, snapshot: BrokerSnapshot, outside: Sequence[Outside]
) -> Mapping[Symbol, Decimal]:
    """Return the broker's positions as they are once it shows today's splits."""
    shares: dict[Symbol, Decimal] = defaultdict(Decimal)
    for activity in outside:
        shares[activity.symbol] += activity.quantity
    splits = splits_today(splits_of(tx, shares, snapshot.taken_at), snapshot.taken_at)
    return positions_as_settled(tx, book, snapshot, outside=shares, splits_outside=splits)


def _cash(
    tx: Transaction,
    portfolio: Portfolio,
    snapshot: BrokerSnapshot,
    unbooked: Sequence[Fill],
    outside: Sequence[Outside],
) -> tuple[Difference, ...]:
    """Return how cash differs, unless the broker lacks exactly dividends that it still has to pay."""
    found = reconciliation.compare_cash(portfolio, snapshot.cash_usd, unbooked=unbooked, outside=outside)
    since = snapshot.taken_at - PAY_DATE_PATIENCE
    due = [d.amount_usd for d in tx.reconciliations.dividends_due(portfolio.book, since=since)]
    return tuple(d for d in found if not is_under_way(-d.cash_usd, due))


def _proof(
    tx: Transaction, book: BookId, snapshot: BrokerSnapshot, compared: Collection[DifferenceKind], *, code_hash: str
) -> Proof:
    return Proof(
        book,
        ReconciliationKind.HOURLY,
        snapshot.taken_at.date(),
        snapshot.taken_at,
        code_hash,
        compared,
        differences(tx, book, snapshot, compared),
        {"account": snapshot.account, "positions": len(snapshot.positions)},
    )


def _told_apart(tx: Transaction, book: BookId, snapshot: BrokerSnapshot) -> _Theirs:
    externals = externals_at(tx, book, snapshot.taken_at)
    known = {external.reference for external in externals}
    ours, foreign_orders = [], []
    for order in snapshot.orders:
        if _is_ours(tx, book, order.order_ref):
            ours.append(order)
        elif order.status in OPEN and str(order.perm_id) not in known:
            foreign_orders.append(order)
    booked = {revision_of(fill.fill_id).base for fill in tx.ledger.fills(book)}
    fills = tuple(
        fill if _is_ours(tx, book, fill.order_id) else replace(fill, order_id=None)
        for fill in newest_revisions(snapshot.fills)
        if fill.fill_id not in known
    )
    strangers = {f.fill_id: f for f in fills if f.order_id is None and revision_of(f.fill_id).base not in booked}
    outside = [Outside(e.symbol, e.quantity, e.cash_usd) for e in externals]
    outside += _outside_of_fills(tx, book, strangers.values(), snapshot.taken_at)
    return _Theirs(tuple(ours), tuple(foreign_orders), fills, tuple(outside))


def _outside_of_fills(tx: Transaction, book: BookId, strangers: Iterable[Fill], at: datetime) -> list[Outside]:
    """Return the effect of foreign executions, of today and of earlier days, that nobody adopted yet."""
    fills = {f.fill_id: f for f in strangers}
    for waiting in tx.reconciliations.breaks(book):
        seen = waiting.difference
        if seen.kind is DifferenceKind.FOREIGN_FILL and seen.fill is not None:
            fills.setdefault(seen.reference, seen.fill)
    splits = splits_of(tx, {f.symbol for f in fills.values()}, at)
    effects = ((f, *reconciliation.effect_of(f)) for f in fills.values())
    return [
        Outside(f.symbol, rebased(f.symbol, shares, splits, f.executed_at, at), cash) for f, shares, cash in effects
    ]


def _is_ours(tx: Transaction, book: BookId, order_ref: str | None) -> bool:
    order = tx.orders.get(order_ref) if order_ref else None
    return order is not None and order.book == book
