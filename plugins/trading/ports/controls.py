"""Rows of ops.*: switches, messages, findings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Protocol

from trading.domain.instruments import BookId, Symbol
from trading.domain.portfolio import TradingState


class ControlRows(Protocol):
    """ops.*"""

    def trading_state(self, book: BookId) -> TradingState:
        """Return the book's state; HALTED while the file flag is raised and when it cannot be read."""
        ...

    def state_reason(self, book: BookId) -> str | None:
        """Return who brought the book into its state and why; None for a book that never left ACTIVE."""
        ...

    def set_state(self, book: BookId, state: TradingState, *, reason: str, actor: str) -> None:
        """Append a state event."""
        ...

    def holds(self, book: BookId) -> dict[Symbol, str]:
        """Return the symbols that get no entry until an operator releases them, with the reason."""
        ...

    def hold(self, book: BookId, symbol: Symbol, *, is_held: bool, reason: str, actor: str) -> bool:
        """Hold or release a symbol; False (and nothing written) when it already is so."""
        ...

    def notify(self, *, dedupe_key: str, book: BookId | None, kind: str, severity: str, body: str) -> bool:
        """Put a message into the outbox once per `dedupe_key`; True if it is new."""
        ...

    def add_reconciliation(
        self, book: BookId, *, session_on: date, is_clean: bool, detail: Mapping[str, Any], at: datetime
    ) -> int:
        """Store a reconciliation and return its id."""
        ...

    def add_break(
        self, reconciliation_id: int, book: BookId, *, kind: str, symbol: Symbol | None, ours: str, theirs: str
    ) -> None:
        """Store one difference between book and broker."""
        ...

    def audit(self, *, actor: str, action: str, detail: Mapping[str, Any]) -> None:
        """Store who did what."""
        ...
