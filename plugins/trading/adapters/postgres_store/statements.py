"""Runs the named queries of one file inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from trading.adapters.sql_files import queries


class Statements:
    """The queries of `include/sql/queries/<stem>.sql` on one connection."""

    def __init__(self, connection: Connection, stem: str) -> None:
        self.connection = connection
        self._queries = queries(stem)

    def rows(self, name: str, /, **parameters: object) -> list[dict[str, Any]]:
        """Return what the query selects, one dictionary per row."""
        with self._executed(name, parameters) as cursor:
            columns = [column.name for column in cursor.description or ()]
            return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

    def row(self, name: str, /, **parameters: object) -> dict[str, Any] | None:
        """Return the first row, or None."""
        return next(iter(self.rows(name, **parameters)), None)

    def value(self, name: str, /, **parameters: object) -> Any:
        """Return the first column of the first row, or None."""
        row = self.row(name, **parameters)
        return next(iter(row.values())) if row else None

    def run(self, name: str, /, **parameters: object) -> int:
        """Run a statement that returns nothing and return how many rows it changed."""
        with self._executed(name, parameters) as cursor:
            return cursor.rowcount

    def text(self, name: str, /, **parameters: object) -> str:
        """Return the statement with its parameters in place, for use inside COPY."""
        with self.connection.cursor() as cursor:
            return cursor.mogrify(self._queries[name].text, parameters).decode().rstrip(";")

    def _executed(self, name: str, parameters: dict[str, object]) -> Cursor:
        cursor = self.connection.cursor()
        cursor.execute(self._queries[name].text, parameters)
        return cursor


def columns_of(records: Sequence[object], *names: str) -> dict[str, list[Any]]:
    """Return the attributes `names` of `records` as one list each, for `unnest`."""
    return {name: [getattr(record, name) for record in records] for name in names}
