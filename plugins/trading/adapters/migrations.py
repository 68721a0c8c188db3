"""Applies `include/sql/migrations` in order, once each; an applied file is never edited."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.database_roles import give_rights
from trading.adapters.postgres_store.connection import connect, ensure_database, translated_errors
from trading.adapters.sql_files import SQL_DIR, queries
from trading.errors import PermanentError

MIGRATIONS_DIR = SQL_DIR / "migrations"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file.

    Attributes:
        name: file name without `.sql`.
        checksum: SHA-256 of the text.
    """

    name: str
    text: str
    checksum: str


def migrate(url: str, *, directory: Path = MIGRATIONS_DIR, only: Collection[str] | None = None) -> tuple[str, ...]:
    """Create the database if it is missing, apply what is pending, give out the rights; return the names, in order.

    Two processes at once apply each file once: one waits for the other. With `only`, no file but these is applied: an
    older state of the schema, for what was stored under it.

    Args:
        url: as the owner of the tables.

    Raises:
        PermanentError: an applied file was edited or removed.
    """
    ensure_database(url)
    applied = []
    with _session(url) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute(_sql("create_migrations_table"))
        for migration in _pending(connection, directory):
            if only is not None and migration.name not in only:
                continue
            with connection, connection.cursor() as cursor:
                cursor.execute(migration.text)
                cursor.execute(_sql("record_migration"), {"name": migration.name, "checksum": migration.checksum})
            applied.append(migration.name)
        if only is None:
            # Rights are those of today's queries, which an older schema cannot have.
            give_rights(connection, "\n".join(sorted(_applied(connection))))
    return tuple(applied)


def pending(url: str, *, directory: Path = MIGRATIONS_DIR) -> tuple[str, ...]:
    """Return the names of the files that `migrate` would apply."""
    with _session(url) as connection:
        return tuple(migration.name for migration in _pending(connection, directory))


def known_migrations() -> dict[str, str]:
    """Return the checksum of every migration that this code has."""
    return {migration.name: migration.checksum for migration in _read(MIGRATIONS_DIR)}


@contextmanager
def _session(url: str) -> Iterator[Connection]:
    """Hold the migration lock on a connection of its own; closing it lets go."""
    with translated_errors(), closing(connect(url)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute(_sql("lock_migrations"))
        yield connection


def _pending(connection: Connection, directory: Path) -> tuple[Migration, ...]:
    applied = _applied(connection)
    files = {migration.name: migration for migration in _read(directory)}
    for name, checksum in applied.items():
        if name not in files:
            raise PermanentError(f"migration {name} was applied but its file is gone; update the checkout")
        if files[name].checksum != checksum:
            raise PermanentError(
                f"migration {name} was edited after it was applied; restore the file and write the change as a new one"
            )
    return tuple(migration for name, migration in files.items() if name not in applied)


def _applied(connection: Connection) -> dict[str, str]:
    with connection, connection.cursor() as cursor:
        cursor.execute(_sql("has_migrations_table"))
        if cursor.fetchone() != (True,):
            return {}
        cursor.execute(_sql("applied_migrations"))
        return dict(cursor.fetchall())


def _read(directory: Path) -> Iterator[Migration]:
    for path in sorted(directory.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        yield Migration(path.stem, text, hashlib.sha256(text.encode()).hexdigest())


def _sql(name: str) -> str:
    return queries("migrations")[name].text
