"""Rows that show how a book stands; no decision reads them."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from trading.accounting.equity import CashMove, Mark
from trading.domain.instruments import BookId


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
