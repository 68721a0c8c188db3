"""ops.*: switches, messages and findings."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from trading.adapters.halt_flag import HaltFlag
from trading.adapters.postgres_store.statements import Statements
from trading.domain.instruments import BookId, BookKind, Symbol
from trading.domain.portfolio import TradingState

BODY_LIMIT = 4000


class PostgresControlRows:
    """`ControlRows` inside one transaction."""

    def __init__(self, connection: Connection, flag: HaltFlag | None = None) -> None:
        self._sql = Statements(connection, "controls")
        self._flag = flag

    def trading_state(self, book: BookId) -> TradingState:
        """Return the book's state; HALTED while the flag is raised, when it cannot be read, and without such a book."""
        stored = self._stored_state(book)
        if stored is TradingState.LOCKED or book.kind is BookKind.REPLAY:
            return stored
        return TradingState.HALTED if self._flag is not None and self._flag.is_raised() else stored

    def _stored_state(self, book: BookId) -> TradingState:
        connection = self._sql.connection
        try:
            with connection.cursor() as cursor:
                cursor.execute("SAVEPOINT trading_state")
            word = self._sql.value("trading_state", book=str(book))
        except psycopg2.Error:
            with contextlib.suppress(psycopg2.Error), connection.cursor() as cursor:
                cursor.execute("ROLLBACK TO SAVEPOINT trading_state")
            return TradingState.HALTED
        return TradingState(word) if word in set(TradingState) else TradingState.HALTED

    def state_reason(self, book: BookId) -> str | None:
        """Return who brought the book into its state and why, e.g. "reconcile: cash: ours 1 USD, broker 2 USD"."""
        reason = self._sql.value("state_reason", book=str(book))
        return None if reason is None else str(reason)

    def set_state(self, book: BookId, state: TradingState, *, reason: str, actor: str) -> None:
        """Append a state event."""
        self._sql.run("add_state", book=str(book), state=state.value, reason=reason, actor=actor)

    def holds(self, book: BookId) -> dict[Symbol, str]:
        """Return the symbols that get no entry until an operator releases them, with the reason."""
        return {row["symbol"]: row["reason"] for row in self._sql.rows("symbol_holds", book=str(book))}

    def hold(self, book: BookId, symbol: Symbol, *, is_held: bool, reason: str, actor: str) -> bool:
        """Hold or release a symbol; False (and nothing written) when it already is so."""
        if (symbol in self.holds(book)) == is_held:
            return False
        event = {"symbol": symbol, "is_held": is_held, "reason": reason, "actor": actor}
        return bool(self._sql.run("add_symbol_hold", book=str(book), **event))

    def notify(self, *, dedupe_key: str, book: BookId | None, kind: str, severity: str, body: str) -> bool:
        """Put a message into the outbox once per `dedupe_key`; True if it is new.

        A message about no book carries the badge DESK; a body over 4,000 characters is cut.
        """
        message = {
            "dedupe_key": dedupe_key,
            "book": str(book) if book else None,
            "badge": book.badge if book else "DESK",
            "body": body if len(body) <= BODY_LIMIT else body[: BODY_LIMIT - 1] + "…",
        }
        return self._sql.row("add_message", **message, kind=kind, severity=severity) is not None

    def add_reconciliation(
        self, book: BookId, *, session_on: date, is_clean: bool, detail: Mapping[str, Any], at: datetime
    ) -> int:
        """Store a reconciliation and return its id."""
        found = {"session_on": session_on, "is_clean": is_clean, "detail": Json(dict(detail)), "at": at}
        return int(self._sql.value("add_reconciliation", book=str(book), **found))

    def add_break(
        self, reconciliation_id: int, book: BookId, *, kind: str, symbol: Symbol | None, ours: str, theirs: str
    ) -> None:
        """Store one difference between book and broker."""
        difference = {"kind": kind, "symbol": symbol, "ours": ours, "theirs": theirs}
        self._sql.run("add_break", reconciliation_id=reconciliation_id, book=str(book), **difference)

    def audit(self, *, actor: str, action: str, detail: Mapping[str, Any]) -> None:
        """Store who did what."""
        self._sql.run("add_audit", actor=actor, action=action, detail=Json(dict(detail)))
