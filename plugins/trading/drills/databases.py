"""Throw-away databases for the drills, on a server that is not the desk's."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from psycopg2 import sql
from psycopg2.extensions import make_dsn, parse_dsn

from trading.adapters.migrations import migrate
from trading.adapters.postgres_store.connection import connect, translated_errors

TEMPLATE = "airdesk_drill_template"


class DrillDatabases:
    """Makes fresh, migrated databases.

    Args:
        url_for: database name → URL on a server that the drills may fill.
    """

    def __init__(self, url_for: Callable[[str], str]) -> None:
        self._url_for = url_for
        self._numbers = itertools.count(1)
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", TEMPLATE)
        migrate(url_for(TEMPLATE))

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Yield the URL of a database with the whole schema and no rows; it is dropped afterwards."""
        name = f"airdesk_drill_{next(self._numbers)}"
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        self._run("CREATE DATABASE {} TEMPLATE {}", name, TEMPLATE)
        try:
            yield self._url_for(name)
        finally:
            self._run("DROP DATABASE {} WITH (FORCE)", name)

    def _run(self, statement: str, *names: str) -> None:
        with translated_errors(), closing(connect(self._url_for("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def dropped(url: str) -> None:
    """Destroy a database with all that uses it."""
    parts = parse_dsn(url)
    with translated_errors(), closing(connect(make_dsn(url, dbname="postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(parts["dbname"])))


def drop_sessions(url: str) -> None:
    """End every other session of a database, as a lost network or a failing server does."""
    with translated_errors(), closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def alarms(url: str) -> frozenset[str]:
    """Return the names under which the desk told people something."""
    with translated_errors(), closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT dedupe_key FROM ops.outbox")
        return frozenset(key for (key,) in cursor.fetchall())
