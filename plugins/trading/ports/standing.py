"""Rows that show how a book stands; no decision reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from trading.accounting.equity import CashMove, Mark
from trading.domain.decisions import Decision
from trading.domain.instruments import BookId
from trading.domain.orders import Order


@dataclass(frozen=True, slots=True)
class Blocker:
    """A rule that kept entries out.

    Attributes:
        hours: symbol-hours in which it stood against an entry. alone: those in which nothing else did.
    """

    rule: str
    hours: int
    alone: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of a book with its broker.

    Attributes:
        is_clean: nothing differed. lets_trade: nothing that keeps entries waiting did.
    """

    kind: str
    session_on: date
    happened_at: datetime
    is_clean: bool
    lets_trade: bool


@dataclass(frozen=True, slots=True)
class StatementSpan:
    """The days that a statement of the broker covers."""

    from_on: date
    to_on: date
    fetched_at: datetime


class StandingRows(Protocol):
    """desk.nav, cash_entries and fills, read for people."""

    def marks(
        self, book: BookId, *, first_on: date | None = None, last_on: date | None = None, is_hourly: bool = False
    ) -> tuple[Mark, ...]:
        """Return the last mark of each session in [first_on, last_on], or that of every hour, oldest first."""
        ...

    def cash_moves(self, book: BookId) -> tuple[CashMove, ...]:
        """Return everything that moved cash, oldest first."""
        ...

    def sale_causes(self, book: BookId) -> dict[str, str]:
        """Return why each sale was ordered, by fill: the rule or guard that asked for it, else the order's purpose."""
        ...

    def decisions(self, book: BookId, first_on: date, last_on: date) -> tuple[Decision, ...]:
        """Return the decisions of the sessions in [first_on, last_on], oldest first."""
        ...

    def orders(self, book: BookId, first_on: date, last_on: date) -> tuple[Order, ...]:
        """Return the legs that those decisions planned, oldest first."""
        ...

    def blockers(self, book: BookId, first_on: date, last_on: date) -> tuple[Blocker, ...]:
        """Return the rules that kept entries out of those sessions, what did so alone most often first."""
        ...

    def comparisons(self, book: BookId, first_on: date, last_on: date) -> tuple[Comparison, ...]:
        """Return the comparisons with the broker in those sessions, oldest first."""
        ...

    def newest_statement(self, book: BookId) -> StatementSpan | None:
        """Return what the broker's newest statement covers, or None without one."""
        ...
