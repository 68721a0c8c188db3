"""COPY in Postgres's text format: the fast way in."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import date

from psycopg2.extensions import connection as Connection  # noqa: N812

# Postgres text cannot hold NUL; hostile headlines try it.
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x00": None})


def copy_in(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Append `rows` to `table`."""
    lines = ("\t".join(map(_field, row)) for row in rows)
    data = io.BytesIO("".join(f"{line}\n" for line in lines).encode("utf-8", errors="replace"))
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN (ENCODING 'UTF8')", data)


def _field(value: object) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return _array(value).translate(_ESCAPES)
    return str(value).translate(_ESCAPES)


def _array(values: Iterable[object]) -> str:
    quoted = (str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"
