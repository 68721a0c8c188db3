"""What tests of whole runs ask of the desk's database."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from trading.adapters.postgres_store.connection import connect

COUNTED = ("desk.decisions", "desk.reasons", "desk.orders", "desk.intents", "desk.fills", "desk.nav", "market.bars")
"""Tables in which running an hour again may not leave a trace."""


def rows_of(database_url: str, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with closing(connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return [tuple(row) for row in cursor.fetchall()]
