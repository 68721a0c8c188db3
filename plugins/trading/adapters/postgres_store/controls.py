"""ops.*: switches, messages and findings."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from trading.adapters.halt_flag import HaltFlag
from trading.adapters.postgres_store.statements import Statements
from trading.domain.instruments import BookId, BookKind, Symbol
from trading.domain.interlock import LiveArm
from trading.domain.locks import Restriction
from trading.domain.messages import KINDS, Buttons, MessageKind, Severity
from trading.domain.portfolio import TradingState
from trading.ports.controls import StateEvent

BODY_LIMIT = 4000
DATA_BYTES = 64
"""What Telegram takes as the data of a button."""


class PostgresControlRows:
    """`ControlRows` inside one transaction."""

    def __init__(self, connection: Connection, flag: HaltFlag | None = None) -> None:
        self._sql = Statements(connection, "controls")
        self._flag = flag

    def trading_state(self, book: BookId, *, for_change: bool = False) -> TradingState:
        """Return the book's state; HALTED while the flag is raised, when it cannot be read, and without such a book."""
        if for_change:
            self._sql.value("hold_state", book=str(book))
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

    def state_event(self, book: BookId) -> StateEvent | None:
        """Return the latest state event; None for a book that never left ACTIVE."""
        row = self._sql.row("state_event", book=str(book))
        return None if row is None else StateEvent(**row | {"state": TradingState(row["state"])})

    def set_state(self, book: BookId, state: TradingState, *, reason: str, actor: str) -> None:
        """Append a state event."""
        self._sql.value("hold_state", book=str(book))
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

    def restrictions(self, book: BookId) -> dict[Symbol, Restriction]:
        """Return what people put on the restricted list and did not take off, also where its day has passed."""
        rows = self._sql.rows("read_restrictions", book=str(book))
        return {
            row["symbol"]: Restriction(
                row["symbol"], row["happened_at"].date(), row["until_on"], f"{row['actor']}: {row['reason']}"
            )
            for row in rows
        }

    def restrict(self, book: BookId, symbol: Symbol, *, until: date | None, reason: str, actor: str) -> None:
        """Put a symbol on the restricted list until the end of that day, or until further notice."""
        self._restriction(book, symbol, is_restricted=True, until_on=until, reason=reason, actor=actor)

    def unrestrict(self, book: BookId, symbol: Symbol, *, reason: str, actor: str) -> None:
        """Take a symbol off the restricted list."""
        self._restriction(book, symbol, is_restricted=False, until_on=None, reason=reason, actor=actor)

    def _restriction(self, book: BookId, symbol: Symbol, **event: object) -> None:
        self._sql.run("add_restriction", book=str(book), symbol=symbol, **event)

    def notify(
        self,
        *,
        dedupe_key: str,
        book: BookId | None,
        kind: MessageKind,
        body: str,
        severity: Severity | None = None,
        buttons: Buttons = (),
        picture: bytes | None = None,
    ) -> bool:
        """Put a message into the outbox once per `dedupe_key`; True if it is new.

        A message about no book carries the badge DESK; a body over 4,000 characters is cut.
        """
        assert all(len(data.encode()) <= DATA_BYTES for row in buttons for _, data in row), "a button says too much"
        message = {
            "dedupe_key": dedupe_key,
            "book": str(book) if book else None,
            "badge": book.badge if book else "DESK",
            "kind": kind.value,
            "severity": (severity or KINDS[kind].severity).value,
            "body": body if len(body) <= BODY_LIMIT else body[: BODY_LIMIT - 1] + "…",
            "buttons": Json(buttons),
            "picture": picture,
        }
        return self._sql.row("add_message", **message) is not None

    def issue_code(self, book: BookId, action: str, *, actor: str, valid_seconds: int) -> str:
        """Return a new one-time code of six digits; the database keeps its hash only, and the time is Postgres's."""
        code = f"{secrets.randbelow(1_000_000):06d}"
        named = {"action": action, "code_sha256": _sha256(code), "issued_to": actor, "seconds": valid_seconds}
        self._sql.run("add_code", book=str(book), **named)
        return code

    def use_code(self, book: BookId, action: str, code: str) -> bool:
        """Use a one-time code up; False if it is wrong, used already, or too old."""
        return self._sql.row("use_code", book=str(book), action=action, code_sha256=_sha256(code)) is not None

    def arm(self, book: BookId, *, account: str, code_hash: str, actor: str, expires_at: datetime) -> None:
        """Permit real money until `expires_at`."""
        arm = {"account": account, "code_hash": code_hash, "armed_by": actor, "expires_at": expires_at}
        self._sql.run("add_live_arm", book=str(book), **arm)

    def live_arm(self, book: BookId) -> LiveArm | None:
        """Return the youngest permission, expired or not, or None."""
        row = self._sql.row("newest_live_arm", book=str(book))
        return None if row is None else LiveArm(**row)

    def audit(self, *, actor: str, action: str, detail: Mapping[str, Any]) -> None:
        """Store who did what."""
        self._sql.run("add_audit", actor=actor, action=action, detail=Json(dict(detail)))

    def newest_audit(self, action: str, book: BookId) -> Mapping[str, Any] | None:
        """Return the detail of the newest act of one kind about `book`, or None."""
        row = self._sql.row("newest_audit", action=action, book=str(book))
        return None if row is None else dict(row["detail"])


def _sha256(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
