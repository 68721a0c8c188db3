"""Rows of books: fills, lots, cash, NAV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from trading.accounting.tax.records import Split
from trading.domain.fills import Booking, Disposal, Fill, Lot
from trading.domain.instruments import BookId, Symbol
from trading.domain.market import CorporateAction
from trading.domain.portfolio import Breaker, Portfolio


@dataclass(frozen=True, slots=True)
class NavRow:
    """NAV of a book at one slot, with the breaker's memory."""

    as_of: datetime
    session_on: date
    is_closing: bool
    cash_usd: Decimal
    positions_usd: float
    nav_usd: float
    breaker: Breaker


class LedgerRows(Protocol):
    """desk.books, fills, lots, disposals, cash_entries, marks, nav."""

    def open_book(self, book: BookId, *, strategy: str, spec_hash: str, opened_at: datetime, cash_usd: Decimal) -> None:
        """Open a book with its first deposit; opening it again changes nothing."""
        ...

    def books(self) -> tuple[BookId, ...]:
        """Return every book, oldest first."""
        ...

    def portfolio(self, book: BookId, as_of: datetime) -> Portfolio:
        """Return cash, open lots and high-water prices."""
        ...

    def add_booking(self, booking: Booking) -> bool:
        """Store a fill with its lots, disposals and cash; False (and no change) if the fill is already booked."""
        ...

    def add_correction(self, booking: Booking, wrong: Fill) -> bool:
        """Take back the booking of `wrong` and store `booking` in its place; both fills stay, the newer one counts.

        False (and no change) if it is already corrected.
        """
        ...

    def add_commission(self, book: BookId, fill_id: str, commission_usd: Decimal) -> bool:
        """Fill in a commission that came late, with its cash entry; False if it was already known."""
        ...

    def add_cash(
        self, book: BookId, entry_id: str, kind: str, amount_usd: Decimal, happened_at: datetime, reference: str | None
    ) -> bool:
        """Book a cash movement once per `entry_id`."""
        ...

    def split(self, book: BookId, symbol: Symbol, ratio: Decimal, *, ex_on: date | None = None) -> None:
        """Move open lots and working orders of a symbol to the new share basis: `ratio` new shares per old one.

        With `ex_on` only lots acquired before, and the position comes out in whole shares: the broker pays the rest.
        """
        ...

    def due_actions(self, book: BookId, *, until_on: date, cutoff_at: datetime) -> tuple[CorporateAction, ...]:
        """Return known splits and dividends of what the book held on their ex-date, not taken over yet, ascending."""
        ...

    def apply_action(self, book: BookId, action: CorporateAction, at: datetime) -> bool:
        """Note that the book takes over a split or dividend; False (and nothing written) if it has already."""
        ...

    def splits_on(self, book: BookId, ex_on: date) -> dict[Symbol, Decimal]:
        """Return new shares per old one of the splits with that ex-date that the book took over."""
        ...

    def splits(self, book: BookId) -> tuple[Split, ...]:
        """Return every split that the book took over, each at the start (00:00 UTC) of its ex-date, ascending."""
        ...

    def rebased_at(self, book: BookId) -> dict[Symbol, datetime]:
        """Return the start (00:00 UTC) of the ex-date of each symbol's youngest split that the book took over."""
        ...

    def fills(self, book: BookId, limit: int | None = None) -> tuple[Fill, ...]:
        """Return fills, oldest first; with a limit the newest ones."""
        ...

    def disposals(self, book: BookId) -> tuple[Disposal, ...]:
        """Return disposals, oldest first."""
        ...

    def lots(self, book: BookId, symbol: Symbol) -> tuple[Lot, ...]:
        """Return the open lots of a symbol, oldest first."""
        ...

    def add_nav(self, book: BookId, row: NavRow, marks: Mapping[Symbol, tuple[Decimal, float, float]]) -> None:
        """Store NAV and marks (quantity, price, high-water price) of one slot; the first row of a slot stands."""
        ...

    def last_nav(self, book: BookId) -> NavRow | None:
        """Return the youngest NAV row, or None."""
        ...

    def nav_at(self, book: BookId, as_of: datetime) -> NavRow | None:
        """Return the NAV row of one slot, or None."""
        ...

    def marks_at(self, book: BookId, as_of: datetime) -> dict[Symbol, tuple[Decimal, float, float]]:
        """Return (quantity, price, high-water price) of each symbol that was held and priced at a slot."""
        ...

    def navs(self, book: BookId) -> tuple[NavRow, ...]:
        """Return all NAV rows, oldest first."""
        ...
