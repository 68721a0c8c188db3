"""Rows of what a book risks, and of what its rebalances changed."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from trading.domain.instruments import BookId
from trading.domain.rebalances import Preview
from trading.domain.risk import BookRisk


class RiskRows(Protocol):
    """desk.risk and desk.rebalances."""

    def add(self, decision_id: str, book: BookId, risk: BookRisk) -> None:
        """Store the risk of a book at a decision."""
        ...

    def newest(self, book: BookId, until: datetime | None = None) -> BookRisk | None:
        """Return the youngest risk of a book, by an instant if one is given; None without a decision."""
        ...

    def add_rebalance(self, preview: Preview) -> None:
        """Store what a rebalance changes, before anything is sent."""
        ...

    def preview(self, decision_id: str) -> Preview | None:
        """Return what a rebalance decision changes; None for another decision."""
        ...

    def preview_at(self, book: BookId, as_of: datetime | None = None) -> Preview | None:
        """Return the youngest preview of a book, or that of an instant; None without one."""
        ...

    def rebalance_due(self, book: BookId, as_of: datetime) -> str | None:
        """Return why the hourly decision of an hour asks for a rebalance; None if it does not."""
        ...
