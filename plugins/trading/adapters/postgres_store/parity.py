"""desk.session_states and parity_days."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from trading.adapters.postgres_store.statements import Statements
from trading.domain.codec import decode, encode
from trading.domain.instruments import BookId, Symbol
from trading.domain.parity import Parity
from trading.engine.state import BookState

_PLAIN = (
    "session_on", "outcome", "summary", "decisions", "decisions_equal", "orders", "orders_equal", "fills_equal",
    "shortfall_usd", "shortfall_bps", "nav_usd", "replay_nav_usd", "code_version",
)  # fmt: skip


class PostgresParityRows:
    """`ParityRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "parity")

    def keep_state(self, book: BookId, session_on: date, cutoff_at: datetime, state: BookState) -> None:
        """Keep the book after a session's last work; later work of the session replaces it."""
        kept = {"session_on": session_on, "cutoff_at": cutoff_at, "state": Json(encode(state))}
        self._sql.run("keep_state", book=str(book), **kept)

    def state_before(self, book: BookId, session_on: date) -> tuple[date, datetime, BookState] | None:
        """Return the youngest state kept before a session, or None."""
        row = self._sql.row("state_before", book=str(book), session_on=session_on)
        return None if row is None else (row["session_on"], row["cutoff_at"], decode(BookState, row["state"]))

    def has_state(self, book: BookId, session_on: date) -> bool:
        """Whether the book was kept after that session."""
        return bool(self._sql.value("has_state", book=str(book), session_on=session_on))

    def opening_cash(self, book: BookId, until: datetime) -> Decimal:
        """Return the deposits until an instant [USD]."""
        return Decimal(self._sql.value("opening_cash", book=str(book), until=until))

    def targets(self, decision_id: str) -> dict[Symbol, float]:
        """Return the target weights of a decision."""
        rows = self._sql.rows("read_targets", decision_id=decision_id)
        return {row["symbol"]: row["weight_frac"] for row in rows}

    def acts_by_hand(self, book: BookId, session_on: date, *, first_at: datetime, until: datetime) -> tuple[str, ...]:
        """Return what people did in a book in a session, a sentence each."""
        span = {"session_on": session_on, "first_at": first_at, "until": until}
        return tuple(row["what"] for row in self._sql.rows("acts_by_hand", book=str(book), **span))

    def save(self, parity: Parity) -> None:
        """Store how a day compares, replacing an earlier comparison."""
        row = {name: getattr(parity, name) for name in _PLAIN}
        detail = Json(encode(parity))
        self._sql.run("save_day", book=str(parity.book), **row, fills=len(parity.fills), detail=detail)

    def days(self, book: BookId, limit: int) -> tuple[Parity, ...]:
        """Return stored comparisons, youngest first."""
        rows = self._sql.rows("parity_days", book=str(book), limit=limit)
        return tuple(decode(Parity, row["detail"]) for row in rows)
