"""The rows of a database: out of one snapshot as COPY text, and back in, parents before their children."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import IO

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.backup.archive import ArchiveWriter, Manifest, TableEntry
from trading.adapters.postgres_store.connection import connect, translated_errors
from trading.adapters.postgres_store.statements import Statements
from trading.errors import PermanentError

MIGRATIONS = "airdesk_migrations"


@contextmanager
def snapshot_of(url: str) -> Iterator[Connection]:
    """Yield a connection that sees the database as it is now for as long as the block lasts, and writes nothing."""
    with translated_errors(), closing(connect(url)) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection:
            _speak_plainly(connection)
            yield connection


def copied_tables(connection: Connection, writer: ArchiveWriter) -> tuple[TableEntry, ...]:
    """Write every table's rows and return the tables, parents before their children."""
    done = []
    for schema, name, columns in _tables(connection):
        entry = TableEntry(schema, name, columns, 0)
        with writer.member(entry.member) as stream, connection.cursor() as cursor:
            cursor.copy_expert(_select(entry), stream)
            done.append(TableEntry(schema, name, columns, cursor.rowcount))
    return tuple(done)


def sorted_rows(connection: Connection) -> dict[str, list[bytes]]:
    """Return all rows of every table as COPY text, in an order of their own; for comparing two small databases."""
    rows = {}
    for schema, name, columns in _tables(connection):
        lines = _Lines()
        with connection.cursor() as cursor:
            cursor.copy_expert(_select(TableEntry(schema, name, columns, 0)), lines)
        rows[f"{schema}.{name}"] = sorted(b"".join(lines.blocks).splitlines())
    return rows


class _Lines:
    def __init__(self) -> None:
        self.blocks: list[bytes] = []

    def write(self, block: bytes) -> int:
        self.blocks.append(block)
        return len(block)


def partitions_of(connection: Connection) -> tuple[tuple[str, str, str], ...]:
    """Return (parent, name, bound) of every partition."""
    rows = Statements(connection, "backup").rows("data_partitions")
    return tuple((f"{r['parent_schema']}.{r['parent']}", f"{r['schema']}.{r['name']}", r["bound"]) for r in rows)


def sequences_of(connection: Connection) -> tuple[tuple[str, str, int], ...]:
    """Return (table, column, last value) of every sequence that was used; never behind the rows of a snapshot."""
    rows = Statements(connection, "backup").rows("data_sequences")
    return tuple((f"{r['schema']}.{r['table']}", r["column"], r["last_value"]) for r in rows)


def applied_migrations(connection: Connection) -> dict[str, str]:
    """Return the checksum of each applied migration."""
    return {r["name"]: r["checksum"] for r in Statements(connection, "migrations").rows("applied_migrations")}


def count_of_rows(connection: Connection) -> int:
    """Return in how many tables there are rows, the list of migrations aside; 0 for a desk that was never used."""
    count = 0
    for schema, name, _ in _tables(connection):
        if name != MIGRATIONS:
            count += _has_rows(connection, schema, name)
    return count


def _has_rows(connection: Connection, schema: str, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(schema, name)))
        (found,) = cursor.fetchone() or (False,)
    return bool(found)


@contextmanager
def filling(url: str) -> Iterator[Connection]:
    """Yield a connection whose rows are all there, or none of them, when the block ends."""
    with translated_errors(), closing(connect(url)) as connection, connection:
        _speak_plainly(connection)
        yield connection


def empty_tables(connection: Connection, manifest: Manifest) -> None:
    """Make room: forget what the migrations themselves wrote, and make the partitions that the rows need."""
    names = sql.SQL(", ").join(sql.Identifier(t.schema, t.name) for t in manifest.tables)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("TRUNCATE {}").format(names))
        for parent, name, bound in manifest.partitions:
            # The bound is Postgres's own text; the manifest that holds it was checked against its sum.
            cursor.execute(
                sql.SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} ").format(_named(name), _named(parent))
                + sql.SQL(bound)
            )


def fill_table(connection: Connection, table: TableEntry, stream: IO[bytes]) -> None:
    """Bring the rows of one table.

    Raises:
        PermanentError: there are not as many as there were.
    """
    words = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.schema, table.name), _columns(table))
    with connection.cursor() as cursor:
        cursor.copy_expert(words, stream)
        if cursor.rowcount != table.row_count:
            told = f"{table.schema}.{table.name}: {cursor.rowcount} of {table.row_count} rows"
            raise PermanentError(f"{told} came back; take another backup")


def set_sequences(connection: Connection, sequences: Sequence[tuple[str, str, int]]) -> None:
    """Let every sequence go on where it was."""
    statements = Statements(connection, "backup")
    for table, column, value in sequences:
        statements.value("set_sequence", table=table, column=column, value=value)


def _tables(connection: Connection) -> list[tuple[str, str, tuple[str, ...]]]:
    rows = Statements(connection, "backup").rows("data_tables")
    parents = {f"{r['schema']}.{r['name']}": tuple(r["parents"]) for r in rows}
    place = {name: number for number, name in enumerate(_parents_first(parents))}
    found = [(r["schema"], r["name"], tuple(r["columns"])) for r in rows]
    return sorted(found, key=lambda t: place[f"{t[0]}.{t[1]}"])


def _parents_first(parents: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names so that each comes after what it points to; a ring would be a fault of the schema."""
    order: dict[str, None] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, f"tables point to one another in a ring: {' → '.join(above)}"
        if name not in order:
            for parent in parents.get(name, ()):
                visit(parent, (*above, name))
            order[name] = None

    for name in sorted(parents):
        visit(name, ())
    return list(order)


def _select(table: TableEntry) -> sql.Composed:
    return sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(
        _columns(table), sql.Identifier(table.schema, table.name)
    )


def _columns(table: TableEntry) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, table.columns))


def _named(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split(".", 1))


def _speak_plainly(connection: Connection) -> None:
    """Let the text of a value not hang on a setting of the server, and a long copy not on a time limit."""
    Statements(connection, "backup").value("speak_plainly")
    connection.set_client_encoding("UTF8")
