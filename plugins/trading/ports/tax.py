"""Rows of the tax ledger that are stored: wash sales, the method of each book, and cash besides trades."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from trading.accounting.tax.records import TaxRules, WashMatch
from trading.accounting.tax.trail import MethodChoice
from trading.domain.fills import LotMethod
from trading.domain.instruments import BookId


@dataclass(frozen=True, slots=True)
class CashRow:
    """Cash that moved without a trade.

    Attributes:
        kind: dividend, cash_in_lieu, interest or fee. reference: whose dividend, or what a fee is for.
    """

    kind: str
    amount_usd: Decimal
    happened_at: datetime
    reference: str


@dataclass(frozen=True)
class Taxpayer:
    """Whose books belong together for the wash-sale rule, and under which rules.

    Attributes:
        books: of one taxpayer; a book that is not among them is a taxpayer of its own.
    """

    books: tuple[BookId, ...] = ()
    rules: TaxRules = field(default_factory=TaxRules)

    def books_with(self, book: BookId) -> tuple[BookId, ...]:
        """Return every book of the taxpayer whose book this is, this one among them."""
        return self.books if book in self.books else (book,)


class TaxLedgerRows(Protocol):
    """desk.wash_matches and lot_methods, and what only taxes read."""

    def matches(self, book: BookId) -> tuple[WashMatch, ...]:
        """Return the wash sales of a book as the newest night found them."""
        ...

    def add_matches(self, book: BookId, matches: Sequence[WashMatch], *, found_at: datetime) -> None:
        """Add what is found now; 0 shares say that it is no wash sale any more."""
        ...

    def methods(self, book: BookId) -> tuple[MethodChoice, ...]:
        """Return how the book's sales close lots, ascending by day."""
        ...

    def choose_method(self, book: BookId, since: date, method: LotMethod, *, chosen_by: str) -> bool:
        """Let sales from a day on close lots by another method; False (and nothing written) if that day has one."""
        ...

    def traded_usd(self, book: BookId) -> Decimal:
        """Return what executions and commissions sum to in cash."""
        ...

    def cash_besides_trades(self, book: BookId) -> tuple[CashRow, ...]:
        """Return dividends, cash in lieu, interest and fees, oldest first."""
        ...
