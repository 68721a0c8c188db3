"""The broker's statement, once a night: late executions, commissions and cash that moved without a trade."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from trading.accounting.reconciliation_kinds import Difference
from trading.accounting.reconciliation_statement import compare_terms, fill_of, stranger, too_many_shares
from trading.domain.fills import Fill, newest_revisions, revision_of
from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.domain.messages import MessageKind, Severity
from trading.domain.money import ZERO
from trading.domain.orders import Order, OrderEvent, OrderStatus
from trading.domain.statements import CashItem, CashKind, Statement, StatementTrade
from trading.errors import PermanentError
from trading.ports import DividendDue, Proof, ReconciliationKind, Services, Transaction
from trading.reporting.wording import first_hour
from trading.strategy.spec import StrategySpec
from trading.tasks.adopt import settle
from trading.tasks.booking import booking_of
from trading.tasks.breaks import file_proof
from trading.tasks.findings import PAY_DATE_PATIENCE
from trading.tasks.report import StepReport

NEW_YORK = ZoneInfo("America/New_York")
SAME_DIVIDEND_FRAC = Decimal("0.1")
"""A payment that differs by more is another one of the same name, e.g. cash for part of a share [0–1]."""


@dataclass
class _Learned:
    """What one statement taught us; grows while it is read."""

    executions: int = 0
    commissions: int = 0
    cash_items: int = 0
    found: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def import_statement(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Fetch the newest statement, store it as received, and take over what the ledger lacks; twice changes nothing."""
    if services.statements is None:
        return StepReport("statement", notes=("skipped: no statement is configured, see AIRDESK_FLEX_URL",))
    body, statement = services.statements.fetch()
    with services.store.order_writer(book) as epoch, services.store.transaction() as tx:
        opened_at = tx.reconciliations.opened_at(book)
        if opened_at is None:
            raise PermanentError(f"{book} is not opened yet, so a statement has nothing to add; {first_hour(book)}")
        if not tx.reconciliations.add_statement(book, statement, body, at=services.clock.now()):
            return StepReport("statement", {"new": 0}, ("this statement was imported before",))
        learned = _Learned()
        _take_trades(tx, book, _since(statement.trades, opened_at), epoch, learned)
        _take_cash(tx, book, statement.cash_items, opened_at, learned)
        _compare_costs(tx, book, statement, slot.as_of, learned)
        proof = _proof(services, tx, book, slot, statement, learned)
        sentences = file_proof(tx, proof)
        _tell(tx, book, statement, learned)
    counts = {
        "new": 1,
        "executions": learned.executions,
        "commissions": learned.commissions,
        "cash_items": learned.cash_items,
        "differences": len(sentences),
    }
    return StepReport("statement", counts, (*sentences, *learned.notes), degraded=bool(sentences))


# --- executions ---------------------------------------------------------------------------------


def _since(trades: Iterable[StatementTrade], opened_at: datetime) -> list[StatementTrade]:
    """Return the trades of the book's own time, oldest first; earlier ones are in its opening cash."""
    return sorted((t for t in trades if t.executed_at >= opened_at), key=lambda t: (t.executed_at, t.execution_id))


def _take_trades(
    tx: Transaction, book: BookId, trades: Iterable[StatementTrade], epoch: int, learned: _Learned
) -> None:
    known = {revision_of(fill.fill_id).base: fill for fill in newest_revisions(tx.ledger.fills(book))}
    outside = {external.reference for external in tx.reconciliations.externals(book)}
    for trade in trades:
        mine = known.get(revision_of(trade.execution_id).base)
        if mine is not None:
            learned.found += compare_terms(mine, trade)
            if mine.commission_usd is None and not trade.is_cancelled:
                learned.commissions += tx.ledger.add_commission(book, mine.fill_id, trade.commission_usd)
        elif trade.is_cancelled or trade.execution_id in outside:
            continue
        elif (order := _order_of(tx, book, trade)) is not None:
            _adopt(tx, order, trade, epoch, learned)
        else:
            learned.found.append(stranger(trade, book))


def _order_of(tx: Transaction, book: BookId, trade: StatementTrade) -> Order | None:
    """Return our order behind an execution: by the reference that it carried, else by the permanent id."""
    refs = [trade.order_ref]
    if trade.perm_id is not None:
        refs.append(tx.reconciliations.order_of_perm(book, trade.perm_id))
    for ref in refs:
        order = tx.orders.get(ref) if ref else None
        if order is not None and (order.book, order.symbol) == (book, trade.symbol):
            return order
    return None


def _adopt(tx: Transaction, order: Order, trade: StatementTrade, epoch: int, learned: _Learned) -> None:
    """Book an execution of ours that the broker's day was over for before we saw it."""
    before = sum((f.quantity for f in tx.ledger.fills(order.book) if f.order_id == order.order_id), ZERO)
    filled = before + trade.quantity
    if filled > order.quantity:
        learned.found.append(too_many_shares(trade, order.order_id, order.quantity, before))
        return
    fill: Fill = fill_of(trade, order.book, order.order_id)
    tx.ledger.add_booking(booking_of(tx, fill))
    status = OrderStatus.FILLED if filled == order.quantity else OrderStatus.PARTIALLY_FILLED
    settle(
        tx, order, OrderEvent(order.order_id, status, trade.executed_at, trade.perm_id, filled, "from the statement"),
        epoch,
    )  # fmt: skip
    learned.executions += 1


# --- cash ---------------------------------------------------------------------------------------


def _take_cash(
    tx: Transaction, book: BookId, items: Iterable[CashItem], opened_at: datetime, learned: _Learned
) -> None:
    """Book cash items that came after the opening; one of the opening day without a time is named, not booked."""
    for item in items:
        at = item.happened_at.astimezone(NEW_YORK)
        opened = opened_at.astimezone(NEW_YORK)
        has_time = (at.hour, at.minute, at.second) != (0, 0, 0)
        if at <= opened and not (at.date() == opened.date() and not has_time):
            continue
        if at.date() == opened.date() and not has_time:
            learned.notes.append(f"{item.text}: {item.amount_usd} USD of the opening day, taken for opening cash")
            continue
        learned.cash_items += _book_item(tx, book, item)


def _book_item(tx: Transaction, book: BookId, item: CashItem) -> bool:
    """Book an item once; of a dividend that the book counted on its ex-date only what differs is left to book."""
    due = _dividend_of(tx, book, item)
    amount = item.amount_usd if due is None else item.amount_usd - due.amount_usd
    reference = (item.symbol or item.text) if due is None else due.entry_id
    return tx.ledger.add_cash(
        book, f"statement.{item.item_id}", item.kind.value, amount, item.happened_at, reference[:200]
    )


def _dividend_of(tx: Transaction, book: BookId, item: CashItem) -> DividendDue | None:
    """Return the dividend that the book counted on its ex-date and this item pays, or None."""
    if item.kind is not CashKind.DIVIDEND or item.amount_usd <= ZERO:
        return None
    counted = tx.reconciliations.dividends_due(book, since=item.happened_at - PAY_DATE_PATIENCE)
    # A day without a time starts at midnight, the ex-date's entry is of the open.
    latest = item.happened_at + timedelta(days=1)
    return next(
        (
            due
            for due in counted
            if due.symbol == item.symbol
            and due.happened_at < latest
            and abs(due.amount_usd - item.amount_usd) <= due.amount_usd * SAME_DIVIDEND_FRAC
        ),
        None,
    )


# --- what is only told --------------------------------------------------------------------------


def _compare_costs(tx: Transaction, book: BookId, statement: Statement, at: datetime, learned: _Learned) -> None:
    """Note average costs that differ: the broker matches lots its own way, ours are the tax lots and stay."""
    for symbol, position in tx.ledger.portfolio(book, at).positions.items():
        theirs = statement.positions.get(symbol)
        if theirs is None or theirs.average_cost is None or theirs.quantity != position.quantity:
            continue
        ours = position.cost_usd / position.quantity
        if abs(ours - theirs.average_cost) * position.quantity >= 1:
            learned.notes.append(f"{symbol}: average cost {ours:.4f} here, {theirs.average_cost:.4f} at the broker")
    learned.notes += [f"corporate action on the statement: {text}" for text in statement.actions]


def _proof(
    services: Services, tx: Transaction, book: BookId, slot: Slot, statement: Statement, learned: _Learned
) -> Proof:
    """Return what the statement shows; a difference that an operator explained in these very words stays explained."""
    explained = {_told(b.difference) for b in tx.reconciliations.breaks(book, is_open=False)}
    found = tuple(d for d in learned.found if _told(d) not in explained)
    detail = {"account": statement.account, "from": f"{statement.from_on}", "to": f"{statement.to_on}"}
    return Proof(
        book, ReconciliationKind.STATEMENT, slot.session_on, slot.as_of, services.code_hash, (), found, detail
    )  # fmt: skip


def _told(difference: Difference) -> tuple[str, str, str]:
    return difference.key, difference.ours, difference.theirs


def _tell(tx: Transaction, book: BookId, statement: Statement, learned: _Learned) -> None:
    if not learned.executions and not learned.cash_items:
        return
    tx.controls.notify(
        dedupe_key=f"statement:{book}:{statement.from_on}:{statement.to_on}:{learned.executions}:{learned.cash_items}",
        book=book,
        kind=MessageKind.RECONCILIATION,
        severity=Severity.WARNING if learned.executions else Severity.INFO,
        body=f"{book.badge} {book}: the statement to {statement.to_on} added {learned.executions} executions "
        f"and {learned.cash_items} cash items",
    )
