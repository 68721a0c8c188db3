"""desk.replay_states, and the end of a replay book."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from trading.adapters.postgres_store.statements import Statements
from trading.domain.instruments import BookId, BookKind
from trading.errors import PermanentError


class PostgresReplayRows:
    """`ReplayRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "replays")

    def load(self, book: BookId, session_on: date) -> Mapping[str, Any] | None:
        """Return the state after that session, or None."""
        return cast("Mapping[str, Any] | None", self._sql.value("load_state", book=str(book), session_on=session_on))

    def save(self, book: BookId, session_on: date, state: Mapping[str, Any]) -> None:
        """Store the state after that session."""
        self._sql.run("save_state", book=str(book), session_on=session_on, state=Json(dict(state)))

    def delete(self, book: BookId) -> None:
        """Delete a replay book with all its rows; refuses every other kind."""
        if book.kind is not BookKind.REPLAY:
            raise PermanentError(f"{book} is not a replay book and is never deleted; name a replay: book")
        self._sql.run("delete_book", book=str(book))
