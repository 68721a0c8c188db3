"""Rows of reconciliations: proofs, breaks with their age, foreign activity, broker statements."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from trading.accounting.reconciliation_kinds import Difference, DifferenceKind
from trading.domain.instruments import BookId, Symbol
from trading.domain.orders import OrderRef
from trading.domain.statements import Statement


class ReconciliationKind(StrEnum):
    """Who compared: each hourly run, the nightly one, an operator by hand, or the import of a statement."""

    HOURLY = "hourly"
    NIGHTLY = "nightly"
    OPERATOR = "operator"
    STATEMENT = "statement"


@dataclass(frozen=True, slots=True)
class Proof:
    """One comparison of a book with its broker.

    Attributes:
        compared: kinds that were looked at; a break of another kind stays as it is.
        found: every difference; empty when the two agree.
        detail: counts, for people.
    """

    book: BookId
    kind: ReconciliationKind
    session_on: date
    at: datetime
    code_hash: str
    compared: Collection[DifferenceKind]
    found: Sequence[Difference]
    detail: Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Break:
    """A difference that was seen at least once, with its age.

    Attributes:
        difference: as it was seen last.
        closed_at: None while it is open.
        resolution: how it ended: "gone" when a later comparison no longer saw it, else an operator's words.
    """

    break_id: int
    book: BookId
    difference: Difference
    first_seen_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None
    resolution: str | None
    resolved_by: str | None


@dataclass(frozen=True, slots=True)
class Filed:
    """What storing a proof changed.

    Attributes:
        opened: breaks that were not open before. repeated: those seen again. gone: those closed by it.
    """

    reconciliation_id: int
    opened: tuple[Break, ...]
    repeated: tuple[Break, ...]
    gone: int


@dataclass(frozen=True, slots=True)
class External:
    """Foreign activity that an operator took note of: outside NAV, sizing and tax.

    Attributes:
        reference: execution id, or permanent id of an order.
        quantity: signed shares on the share basis of `counted_at`. cash_usd: signed dollars.
        counted_at: when it was executed, or seen.
    """

    reference: str
    symbol: Symbol
    quantity: Decimal
    cash_usd: Decimal
    counted_at: datetime


@dataclass(frozen=True, slots=True)
class DividendDue:
    """A dividend that the book counted on its ex-date and no statement confirmed yet."""

    entry_id: str
    symbol: Symbol
    amount_usd: Decimal
    happened_at: datetime


class StatementSource(Protocol):
    """Where the broker's own statements come from."""

    def fetch(self) -> tuple[bytes, Statement]:
        """Return the newest statement, as received and as read."""
        ...


class ReconciliationRows(Protocol):
    """ops.reconciliations, breaks, externals; staging.statements."""

    def file(self, proof: Proof) -> Filed:
        """Store a proof: a difference seen again keeps its break, one that was compared and is gone closes it."""
        ...

    def gate(self, book: BookId) -> str | None:
        """Return a sentence that names the oldest break which keeps entries waiting, or None."""
        ...

    def last_clean_at(self, book: BookId) -> datetime | None:
        """Return when the newest comparison was made that lets the book trade, or None.

        Foreign activity holds its symbol, not the book, and does not count here.
        """
        ...

    def clean_sessions(self, book: BookId, code_hash: str) -> int:
        """Return how many sessions have a newest nightly comparison without any difference, by this very code."""
        ...

    def breaks(self, book: BookId, *, is_open: bool = True) -> tuple[Break, ...]:
        """Return the open breaks, oldest first, or the closed ones, youngest first."""
        ...

    def find_break(self, break_id: int) -> Break | None:
        """Return one break, or None."""
        ...

    def close_break(self, break_id: int, *, resolution: str, actor: str) -> bool:
        """Close a break with an explanation; False if it is closed already."""
        ...

    def opened_at(self, book: BookId) -> datetime | None:
        """Return when the book was opened with the cash that the broker showed, or None."""
        ...

    def order_of_perm(self, book: BookId, perm_id: int) -> OrderRef | None:
        """Return our reference of the order that the broker knows under this permanent id, or None."""
        ...

    def externals(self, book: BookId) -> tuple[External, ...]:
        """Return what is outside the book, oldest first."""
        ...

    def add_external(self, book: BookId, external: External, *, reason: str, actor: str) -> bool:
        """Take foreign activity out of all comparisons; False if its reference is stored already."""
        ...

    def dividends_due(self, book: BookId, *, since: datetime) -> tuple[DividendDue, ...]:
        """Return the dividends counted at or after `since` that no statement confirmed, oldest first."""
        ...

    def add_statement(self, book: BookId, statement: Statement, body: bytes, *, at: datetime) -> bool:
        """Store a statement as received, once per content; True if it is new."""
        ...
