"""desk.nav, cash_entries and fills, read for people."""

from __future__ import annotations

from datetime import date
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.accounting.equity import CashMove, Mark
from trading.adapters.postgres_store.decisions import decision_of
from trading.adapters.postgres_store.orders import order_of
from trading.adapters.postgres_store.statements import Statements
from trading.domain.decisions import Decision
from trading.domain.instruments import BookId
from trading.domain.orders import Order
from trading.ports.standing import Blocker, Comparison, StatementSpan


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

    def decisions(self, book: BookId, first_on: date, last_on: date) -> tuple[Decision, ...]:
        """Return the decisions of the sessions in [first_on, last_on], oldest first."""
        return tuple(map(decision_of, self._between("decisions_between", book, first_on, last_on)))

    def orders(self, book: BookId, first_on: date, last_on: date) -> tuple[Order, ...]:
        """Return the legs that those decisions planned, oldest first."""
        return tuple(map(order_of, self._between("orders_between", book, first_on, last_on)))

    def blockers(self, book: BookId, first_on: date, last_on: date) -> tuple[Blocker, ...]:
        """Return the rules that kept entries out of those sessions, what did so alone most often first."""
        return tuple(Blocker(**row) for row in self._between("blockers_between", book, first_on, last_on))

    def comparisons(self, book: BookId, first_on: date, last_on: date) -> tuple[Comparison, ...]:
        """Return the comparisons with the broker in those sessions, oldest first."""
        return tuple(Comparison(**row) for row in self._between("comparisons_between", book, first_on, last_on))

    def newest_statement(self, book: BookId) -> StatementSpan | None:
        """Return what the broker's newest statement covers, or None without one."""
        row = self._sql.row("newest_statement", book=str(book))
        return None if row is None else StatementSpan(**row)

    def _between(self, name: str, book: BookId, first_on: date, last_on: date) -> list[dict[str, Any]]:
        return self._sql.rows(name, book=str(book), first_on=first_on, last_on=last_on)
