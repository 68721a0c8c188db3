"""The tax ledger of a book's taxpayer, worked out anew; each night its wash sales are stored and all of it must tie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from trading.accounting.tax.ledger import tax_ledger
from trading.accounting.tax.records import Split, TaxEvent, TaxLedger, TaxRules, WashMatch
from trading.accounting.tax.tie_out import Booked, conserved, matches_of, tie_out
from trading.accounting.tax.trail import MethodChoice, trail
from trading.domain.fills import Fill, LotMethod
from trading.domain.instruments import BookId
from trading.domain.market import ActionKind, Slot
from trading.domain.messages import MessageKind
from trading.domain.money import ZERO
from trading.domain.orders import Side
from trading.errors import PermanentError
from trading.ports import Services, Transaction
from trading.ports.tax import CashRow
from trading.reporting.wording import first_hour
from trading.strategy.spec import StrategySpec
from trading.tasks.report import StepReport

NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True)
class Taxes:
    """The tax ledger of one taxpayer.

    Attributes:
        books: that belong to the taxpayer and are open here.
        today: the day in New York until which purchases are known.
    """

    book: BookId
    books: tuple[BookId, ...]
    rules: TaxRules
    events: tuple[TaxEvent, ...]
    ledger: TaxLedger
    today: date

    def until(self, year: int) -> TaxLedger:
        """Return the ledger as it stood at the end of a year."""
        end = datetime(year + 1, 1, 1, tzinfo=UTC)
        return tax_ledger((e for e in self.events if e.at < end), self.rules)


def read_taxes(services: Services, tx: Transaction, book: BookId) -> Taxes:
    """Return the tax ledger of the taxpayer whose book this is.

    Raises:
        PermanentError: the book is not opened.
    """
    opened = tx.ledger.books()
    if book not in opened:
        raise PermanentError(f"{book} is not opened yet, so it has nothing to tax; {first_hour(book)}")
    now = services.clock.now()
    books = tuple(b for b in services.taxpayer.books_with(book) if b in opened)
    events = tuple(event for b in books for event in _events(tx, b, now))
    rules = services.taxpayer.rules
    return Taxes(book, books, rules, events, tax_ledger(events, rules), now.astimezone(NEW_YORK).date())


def tie(taxes: Taxes, tx: Transaction) -> tuple[str, ...]:
    """Return a sentence about each difference between the book as stored and the ledger worked out anew."""
    book = taxes.book
    lots = [lot for position in tx.ledger.portfolio(book, _END).positions.values() for lot in position.lots]
    booked = Booked(
        fills=tx.ledger.fills(book),
        lots=lots,
        disposals=tx.ledger.disposals(book),
        matches=tx.tax.matches(book),
        traded_usd=tx.tax.traded_usd(book),
    )
    return (*tie_out(taxes.ledger, booked), *conserved(taxes.ledger, taxes.events))


def tax(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Work the tax ledger out anew, compare it with the stored one, and store the wash sales that it found."""
    with services.store.transaction() as tx:
        if book not in tx.ledger.books():
            return StepReport("tax", notes=(f"skipped: {book} is not opened yet",))
        taxes = read_taxes(services, tx, book)
        differences = tie(taxes, tx)
        changed = _store_matches(tx, taxes, services.clock.now())
        if differences:
            tx.controls.notify(
                dedupe_key=f"tax:{book}:{slot.session_on}",
                book=book,
                kind=MessageKind.RECONCILIATION,
                body=f"{book.badge} {book}: the tax ledger does not tie: {differences[0]}; ./airdesk tax tie-out",
            )
    counts = {"rows": len(taxes.ledger.rows), "wash_rows_stored": changed, "differences": len(differences)}
    return StepReport("tax", counts, differences)


def cash_of_year(tx: Transaction, books: Sequence[BookId], year: int) -> tuple[tuple[BookId, CashRow], ...]:
    """Return dividends, cash in lieu, interest and fees of a year, book by book."""
    rows = ((book, row) for book in books for row in tx.tax.cash_besides_trades(book))
    return tuple((b, row) for b, row in rows if row.happened_at.astimezone(NEW_YORK).year == year)


def choose_method(services: Services, book: BookId, method: LotMethod, since: date, *, chosen_by: str) -> None:
    """Let the sales of a book from a day on close lots by another method.

    Raises:
        PermanentError: sales of that day, or later ones, are booked already, or the day has a method.
    """
    with services.store.transaction() as tx:
        sold = [f.executed_at.date() for f in tx.ledger.fills(book) if f.side is Side.SELL]
        if book not in tx.ledger.books():
            raise PermanentError(f"{book} is not opened yet; {first_hour(book)}, then choose")
        if sold and max(sold) >= since:
            raise PermanentError(f"sales of {max(sold)} are booked already; choose a day after it: --since")
        if not tx.tax.choose_method(book, since, method, chosen_by=chosen_by):
            raise PermanentError(f"a method from {since} on was chosen before; choose another day: --since")


_END = datetime.max.replace(tzinfo=UTC)


def _events(tx: Transaction, book: BookId, now: datetime) -> tuple[TaxEvent, ...]:
    fills = tx.ledger.fills(book)
    choices: tuple[MethodChoice, ...] = tx.tax.methods(book)
    return tuple(trail(fills, _splits(tx, book, fills, now), choices))


def _splits(tx: Transaction, book: BookId, fills: Sequence[Fill], now: datetime) -> list[Split]:
    """Return the splits since the first execution: those that the book took over, and others of what it traded.

    A loss of shares that are sold by then waits for a replacement on the new basis, so it needs the others.
    """
    if not fills:
        return []
    traded, first = {f.symbol for f in fills}, min(f.executed_at for f in fills)
    found = {(s.symbol, s.at.date()): s for s in tx.ledger.splits(book)}
    for action in tx.market.actions(cutoff_at=now):
        at = datetime.combine(action.ex_on, time.min, UTC)
        if action.kind is ActionKind.SPLIT and action.symbol in traded and first < at <= now:
            ratio = Decimal(repr(action.value))
            found.setdefault((action.symbol, action.ex_on), Split(book, action.symbol, at, ratio))
    in_lieu = [row for row in tx.tax.cash_besides_trades(book) if row.kind == "cash_in_lieu"]
    return [replace(split, in_lieu_usd=_in_lieu_usd(split, in_lieu)) for split in found.values()]


def _in_lieu_usd(split: Split, paid: Sequence[CashRow]) -> Decimal | None:
    """Return what the broken share of a split brought; None while no entry says so."""
    amounts = [
        row.amount_usd
        for row in paid
        if row.reference == split.symbol and split.at <= row.happened_at < split.at + timedelta(days=1)
    ]
    return sum(amounts, ZERO) if amounts else None


def _store_matches(tx: Transaction, taxes: Taxes, now: datetime) -> int:
    """Store what is found otherwise than last time; return how many rows that took."""
    book = taxes.book
    found = matches_of(taxes.ledger, {str(book)})
    stored = {(m.fill_id, m.loss_lot_id, m.lot_id): m for m in tx.tax.matches(book)}
    changed: list[WashMatch] = [m for key, m in found.items() if stored.get(key) != m]
    changed += [replace(m, quantity=ZERO, disallowed_usd=ZERO) for key, m in stored.items() if key not in found]
    tx.tax.add_matches(book, changed, found_at=now)
    return len(changed)
