"""desk.denials, and sums over orders, fills and NAV that only the pre-trade checks need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.postgres_store.statements import Statements, columns_of
from trading.domain.instruments import BookId, Symbol
from trading.domain.locks import StopOut
from trading.domain.orders import OrderRef
from trading.execution.checks import Denial
from trading.ports import Stage, StoredDenial


class PostgresCheckRows:
    """`CheckRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "checks")

    def add_denials(self, order_id: OrderRef, denials: Sequence[Denial], *, stage: Stage, at: datetime) -> None:
        """Store everything that stands against an order; what is stored already stays as it was."""
        columns = columns_of(denials, "code", "observed", "threshold", "detail")
        self._sql.run("add_denials", order_id=order_id, stage=stage.value, happened_at=at, **columns)

    def denials(self, order_ids: Sequence[OrderRef]) -> tuple[StoredDenial, ...]:
        """Return what stands against these orders, in the order in which it was stored."""
        rows = self._sql.rows("read_denials", order_ids=list(order_ids))
        return tuple(
            StoredDenial(
                row["order_id"],
                Stage(row["stage"]),
                Denial(row["code"], row["detail"], row["observed"], row["threshold"]),
                row["happened_at"],
            )
            for row in rows
        )

    def sent_since(self, book: BookId, at: datetime) -> int:
        """Return how many orders, protections left out, got their ids at or after `at`."""
        return int(self._sql.value("sent_since", book=str(book), since=at))

    def rejected(self, book: BookId, session_on: date) -> dict[Symbol, str]:
        """Return the symbols whose entry the broker refused in that session, with its words."""
        rows = self._sql.rows("rejected_entries", book=str(book), session_on=session_on)
        return {row["symbol"]: row["why"] for row in rows}

    def traded_usd(self, book: BookId, on: date) -> float:
        """Return what was bought and sold on that day [USD]."""
        return float(self._sql.value("traded_usd", book=str(book), traded_on=on))

    def closing_nav(self, book: BookId, before_on: date) -> float | None:
        """Return the last known NAV of a session before `before_on`, or None."""
        nav = self._sql.value("closing_nav", book=str(book), before_on=before_on)
        return None if nav is None else float(nav)

    def stops(self, book: BookId, since_on: date) -> tuple[StopOut, ...]:
        """Return the stops that sold a position on or after that day, oldest first."""
        rows = self._sql.rows("read_stops", book=str(book), since_on=since_on)
        return tuple(StopOut(row["symbol"], row["stopped_on"], row["order_id"]) for row in rows)
