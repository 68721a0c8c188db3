"""What a database says about itself: its tables and columns with their comments."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from trading.adapters.postgres_store.connection import connect, translated_errors
from trading.adapters.sql_files import queries


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table or view; `told` is its comment, "" where there is none.

    Attributes:
        kind: of the relation, as pg_class has it: r, p or v.
        relation_told: comment of the table.
    """

    schema: str
    relation: str
    kind: str
    relation_told: str
    name: str
    type: str
    is_nullable: bool
    told: str


def columns_of(url: str) -> tuple[Column, ...]:
    """Return every column of the database at `url`, views included and partitions left out."""
    with translated_errors(), closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(queries("documentation")["described_columns"].text)
        return tuple(Column(*row) for row in cursor.fetchall())
