"""Rows of the comparison with a replay: what the next day starts from, and how each day compared."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from trading.domain.instruments import BookId, Symbol
from trading.domain.parity import Parity
from trading.engine.state import BookState


class ParityRows(Protocol):
    """desk.session_states and parity_days, and what only the comparison reads."""

    def keep_state(self, book: BookId, session_on: date, cutoff_at: datetime, state: BookState) -> None:
        """Keep the book after a session's last work; later work of the session replaces it."""
        ...

    def state_before(self, book: BookId, session_on: date) -> tuple[date, datetime, BookState] | None:
        """Return the youngest state kept before a session: its session, its cutoff, the book; None without one."""
        ...

    def has_state(self, book: BookId, session_on: date) -> bool:
        """Whether the book was kept after that session."""
        ...

    def opening_cash(self, book: BookId, until: datetime) -> Decimal:
        """Return the deposits until an instant [USD]."""
        ...

    def targets(self, decision_id: str) -> dict[Symbol, float]:
        """Return the target weights of a decision [0–1]."""
        ...

    def acts_by_hand(self, book: BookId, session_on: date, *, first_at: datetime, until: datetime) -> tuple[str, ...]:
        """Return what people did in a book in a session, a sentence each."""
        ...

    def save(self, parity: Parity) -> None:
        """Store how a day compares, replacing an earlier comparison."""
        ...

    def days(self, book: BookId, limit: int) -> tuple[Parity, ...]:
        """Return stored comparisons, youngest first."""
        ...
