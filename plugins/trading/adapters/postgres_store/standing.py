"""desk.nav, cash_entries and fills, read for people."""

from __future__ import annotations

from datetime import date

from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.accounting.equity import CashMove, Mark
from trading.adapters.postgres_store.statements import Statements
from trading.domain.instruments import BookId


class PostgresStandingRows:
    """`StandingRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "standing")

    def marks(
        self, book: BookId, *, first_on: date | None = None, last_on: date | None = None, is_hourly: bool = False
    ) -> tuple[Mark, ...]:
        """Return the last mark of each session in [first_on, last_on], or that of every hour, oldest first."""
        rows = self._sql.rows("book_marks", book=str(book), first_on=first_on, last_on=last_on, is_hourly=is_hourly)
        return tuple(Mark(**row) for row in rows)

    def cash_moves(self, book: BookId) -> tuple[CashMove, ...]:
        """Return everything that moved cash, oldest first."""
        return tuple(CashMove(**row) for row in self._sql.rows("cash_moves", book=str(book)))

    def sale_causes(self, book: BookId) -> dict[str, str]:
        """Return why each sale was ordered, by fill: the rule or guard that asked for it, else the order's purpose."""
        return {row["fill_id"]: row["cause"] for row in self._sql.rows("sale_causes", book=str(book))}
