"""What an operator does about a break: adopt it into the books or out of them, or explain it. Nothing is sent.

Every act says what it would do in shares and dollars first (`effects_of`), and leaves an audit row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from trading.accounting.reconciliation_kinds import Difference, DifferenceKind
from trading.domain.fills import Fill
from trading.domain.instruments import BookId, Symbol
from trading.domain.money import ZERO
from trading.domain.orders import OrderEvent, OrderStatus, Side
from trading.domain.statements import CashKind
from trading.errors import PermanentError
from trading.ports import Break, BrokerRole, BrokerSnapshot, External, Services, Transaction
from trading.tasks.adopt import settle
from trading.tasks.booking import booking_of
from trading.tasks.breaks import release_holds
from trading.tasks.findings import snapshot_of
from trading.tasks.outside import externals_at
from trading.tasks.sync import gate_of


@dataclass(frozen=True, slots=True)
class Effects:
    """What either act would do, for people.

    Attributes:
        adopt: None where a break of this kind cannot be adopted.
    """

    adopt: str | None
    resolve: str


def effects_of(tx: Transaction, found: Break) -> Effects:
    """Return what adopting and what resolving `found` would change, in shares and dollars."""
    make = _PLANS.get(found.difference.kind)
    try:
        adopt = make(tx, found).text if make else None
    except PermanentError as refusal:
        adopt = f"not possible: {refusal}"
    return Effects(adopt, _resolve_text(found.difference))


def open_break(tx: Transaction, book: BookId, break_id: int) -> Break:
    """Return an open break of `book`, or say why there is none."""
    found = tx.reconciliations.find_break(break_id)
    if found is None or found.book != book:
        raise PermanentError(f"{book} has no break {break_id}; see `./airdesk reconcile list`")
    if found.closed_at is not None:
        raise PermanentError(
            f"break {break_id} is closed since {found.closed_at:%Y-%m-%d %H:%M} UTC ({found.resolution}); nothing to do"
        )
    return found


def adopt_break(
    services: Services, book: BookId, break_id: int, *, reason: str, actor: str, cash_kind: CashKind | None = None
) -> str:
    """Take a break into the books or out of them, close it, and return what was done.

    Args:
        services: the store; the broker is not asked.
        book: whose break it is.
        break_id: its number.
        reason: kept for ever.
        actor: who does it, e.g. "cli:NAME".
        cash_kind: what an unexplained cash difference is; for a cash break only.

    Raises:
        PermanentError: a break of this kind cannot be adopted, or adopting it would leave the books wrong.
    """
    with services.store.transaction() as tx:
        found = open_break(tx, book, break_id)
        make = _PLANS.get(found.difference.kind)
        if make is None:
            raise PermanentError(
                f"break {break_id} ({found.difference.kind}) cannot be adopted; settle its cause, or explain it with "
                f'`./airdesk reconcile resolve {break_id} --reason "…"`'
            )
        plan = make(tx, found)
        plan.apply(_Act(tx, found, reason, actor, cash_kind))
        _close(tx, found, f"adopted: {reason}", _Audit("reconcile.adopt", reason, actor))
    return plan.text if cash_kind is None else plan.text.replace(f"{THE_NAMED} ({', '.join(CashKind)})", str(cash_kind))


def resolve_break(services: Services, book: BookId, break_id: int, *, reason: str, actor: str) -> str:
    """Close a break with an explanation and return what was done; an order of unknown fate is ended with it.

    Raises:
        PermanentError: the broker shows the order of unknown fate, or the position does not tie without it.
    """
    with services.store.transaction() as tx:
        found = open_break(tx, book, break_id)
    if found.difference.kind is DifferenceKind.UNKNOWN_ORDER:
        _end_unknown(services, found, reason, actor)
    else:
        with services.store.transaction() as tx:
            _close(tx, found, f"explained: {reason}", _Audit("reconcile.resolve", reason, actor))
    return _resolve_text(found.difference)


# --- adopting -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Act:
    """An adoption under way."""

    tx: Transaction
    found: Break
    reason: str
    actor: str
    cash_kind: CashKind | None

    def keep_outside(self, reference: str, symbol: Symbol, quantity: Decimal, cash_usd: Decimal) -> None:
        seen = self.found.difference.fill
        counted_at = self.found.last_seen_at if seen is None else seen.executed_at
        external = External(reference, symbol, quantity, cash_usd, counted_at)
        self.tx.reconciliations.add_external(self.found.book, external, reason=self.reason, actor=self.actor)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What adopting a break does: in words, and as a deed."""

    text: str
    apply: Callable[[_Act], None]


def _plan_foreign_order(tx: Transaction, found: Break) -> _Plan:
    seen, symbol = found.difference, _symbol_of(found)
    text = (
        f"{symbol}: order {seen.reference} stays outside the book, with 0 shares and 0 USD so far; each of its "
        "executions will be a break of its own; entries of the symbol are released"
    )
    return _Plan(text, lambda act: act.keep_outside(seen.reference, symbol, ZERO, ZERO))


def _plan_foreign_fill(tx: Transaction, found: Break) -> _Plan:
    """An execution by hand stays outside; one that sold the book's own shares is a sale of the book."""
    seen, symbol = found.difference, _symbol_of(found)
    counted_at = found.last_seen_at if seen.fill is None else seen.fill.executed_at
    outside = sum((e.quantity for e in externals_at(tx, found.book, counted_at) if e.symbol == symbol), ZERO)
    if outside + seen.quantity >= ZERO:
        text = (
            f"{symbol}: {_signed(seen)} shares and {seen.cash_usd:+,.2f} USD stay outside NAV, sizing and tax; entries "
            "of the symbol are released"
        )
        return _Plan(text, lambda act: act.keep_outside(seen.reference, symbol, seen.quantity, seen.cash_usd))
    held = sum((lot.quantity for lot in tx.ledger.lots(found.book, symbol)), ZERO)
    if outside or held < -seen.quantity or seen.fill is None:
        raise PermanentError(
            f"{symbol}: {_size(seen)} shares were sold, but {outside} are outside and {held} in the book, so it is "
            "neither's sale alone; settle it in TWS, then resolve the break with the explanation"
        )
    fill = seen.fill
    text = (
        f"{symbol}: {_size(seen)} shares of the book were sold by hand; the sale is booked with {seen.cash_usd:+,.2f} "
        "USD, its lots and its tax"
    )
    return _Plan(text, lambda act: _book_sale(act.tx, fill))


THE_NAMED = "the cash entry that --as names"


def _plan_cash(tx: Transaction, found: Break) -> _Plan:
    amount = found.difference.cash_usd
    kinds = ", ".join(CashKind)
    text = f"{amount:+,.2f} USD are booked as {THE_NAMED} ({kinds}); 0 shares"

    def book(act: _Act) -> None:
        if act.cash_kind is None:
            raise PermanentError(f"say what the {amount:+,.2f} USD are: --as with one of {kinds}")
        act.tx.ledger.add_cash(
            found.book, f"operator.{found.break_id}", act.cash_kind.value, amount, found.last_seen_at,
            f"{act.actor}: {act.reason}"[:200],
        )  # fmt: skip

    return _Plan(text, book)


def _plan_position(tx: Transaction, found: Break) -> _Plan:
    seen, symbol = found.difference, _symbol_of(found)
    if seen.quantity < ZERO:
        raise PermanentError(
            f"{symbol}: the broker holds {_size(seen)} shares less than the book, which nothing here can adopt: the "
            "desk would sell shares that are gone; find the execution, import the statement, and reconcile again"
        )
    text = f"{symbol}: {_signed(seen)} shares (a transfer in) stay outside NAV, sizing and tax; 0 USD"
    reference = f"break.{found.break_id}"
    return _Plan(text, lambda act: act.keep_outside(reference, symbol, seen.quantity, ZERO))


_PLANS: dict[DifferenceKind, Callable[[Transaction, Break], _Plan]] = {
    DifferenceKind.FOREIGN_ORDER: _plan_foreign_order,
    DifferenceKind.FOREIGN_FILL: _plan_foreign_fill,
    DifferenceKind.CASH: _plan_cash,
    DifferenceKind.POSITION: _plan_position,
}


def _book_sale(tx: Transaction, fill: Fill) -> None:
    assert fill.side is Side.SELL, f"{fill.fill_id} takes shares away, so it is a sale"
    tx.ledger.add_booking(booking_of(tx, fill))


def _signed(seen: Difference) -> str:
    return f"{seen.quantity.normalize():+f}"


def _size(seen: Difference) -> str:
    return f"{abs(seen.quantity.normalize()):f}"


def _symbol_of(found: Break) -> Symbol:
    symbol = found.difference.symbol
    assert symbol is not None, f"break {found.break_id} is about shares, so it has a symbol"
    return symbol


# --- resolving ----------------------------------------------------------------------------------


def _resolve_text(difference: Difference) -> str:
    if difference.kind is DifferenceKind.UNKNOWN_ORDER:
        return (
            f"{difference.symbol}: order {difference.reference} is ended as never reached or cancelled, if the broker "
            "shows nothing of it and the position ties; 0 shares, 0 USD"
        )
    return "the break is closed with your explanation; 0 shares, 0 USD; a difference that is still there opens again"


def _end_unknown(services: Services, found: Break, reason: str, actor: str) -> None:
    """End an order of unknown fate, once the broker has shown that nothing of it is there."""
    book, ref = found.book, found.difference.reference
    with (
        services.store.order_writer(book) as epoch,
        gate_of(services, book).connect(BrokerRole.RECONCILER) as broker,
    ):
        snapshot = snapshot_of(services, broker, book)
        with services.store.transaction() as tx:
            order = tx.orders.get(ref)
            if order is None or order.status is not OrderStatus.UNKNOWN:
                raise PermanentError(f"the fate of order {ref} is known by now; run `./airdesk reconcile run`")
            _require_nothing_there(tx, book, order.symbol, ref, snapshot)
            detail = f"never reached the broker or cancelled there, by {actor}: {reason}"
            event = OrderEvent(ref, OrderStatus.CANCELLED, snapshot.taken_at, detail=detail, is_inferred=True)
            settle(tx, order, event, epoch)
            _close(tx, found, f"never reached or cancelled: {reason}", _Audit("reconcile.resolve", reason, actor))


def _require_nothing_there(tx: Transaction, book: BookId, symbol: Symbol, ref: str, snapshot: BrokerSnapshot) -> None:
    if snapshot.find(ref) is not None or any(fill.order_id == ref for fill in snapshot.fills):
        raise PermanentError(f"the broker shows order {ref}; run `./airdesk reconcile run`, which takes its state over")
    outside = sum((e.quantity for e in externals_at(tx, book, snapshot.taken_at) if e.symbol == symbol), ZERO)
    held = sum((lot.quantity for lot in tx.ledger.lots(book, symbol)), ZERO)
    theirs = snapshot.positions.get(symbol, ZERO)
    if theirs != held + outside:
        raise PermanentError(
            f"{symbol}: the broker holds {theirs} shares and the books {held + outside}, so order {ref} may have "
            "filled; import the statement before you resolve it"
        )


@dataclass(frozen=True, slots=True)
class _Audit:
    """Who closes a break, by which command, and why."""

    action: str
    reason: str
    actor: str


def _close(tx: Transaction, found: Break, resolution: str, audit: _Audit) -> None:
    if not tx.reconciliations.close_break(found.break_id, resolution=resolution, actor=audit.actor):
        raise PermanentError(f"break {found.break_id} was closed meanwhile; see `./airdesk reconcile list --all`")
    release_holds(tx, found.book)
    seen = found.difference
    detail = {
        "book": str(found.book), "break": found.break_id, "difference": str(seen), "quantity": str(seen.quantity),
        "cash_usd": str(seen.cash_usd), "reason": audit.reason,
    }  # fmt: skip
    tx.controls.audit(actor=audit.actor, action=audit.action, detail=detail)
