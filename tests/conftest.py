"""A throw-away Postgres for the session, and a fresh migrated database for each test that asks for one."""

from __future__ import annotations

import itertools
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from trading.adapters.database_roles import DESK, READ, make_login
from trading.adapters.embedded_postgres import EmbeddedPostgres
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect

TEMPLATE = "airdesk_template"
TAKE_MINUTES = (
    "test_three_drivers",
    "test_approval_in_airflow",
    "test_canary_secrets",
    "test_drill",
    "test_vendors",
    "test_runs",
    "test_backfill",
    "test_real_input",
    "test_stalled_vendor",
    "test_history_load_in_airflow",
    "test_two_copies",
)
"""Longest first. A worker that gets one of them last is what everybody waits for."""
_numbers = itertools.count(1)

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_collection_modifyitems(config, items) -> None:
    """Let the files that take minutes begin first, where workers share the tests."""
    if hasattr(config, "workerinput"):
        rank = {name: number for number, name in enumerate(TAKE_MINUTES)}
        items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.fixture(scope="session")
def pg_server():
    """A running server; `pg_server.url_for(database)` names a database on it."""
    with tempfile.TemporaryDirectory(prefix="airdesk-test-") as folder:
        # As root the server runs under another account, which must be able to enter.
        Path(folder).chmod(0o711)
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            server = postgres.start()
            # What a power cut may lose here nobody misses; a killed server loses nothing by it.
            _administer(server, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            yield server
        finally:
            postgres.stop()


@pytest.fixture(scope="session")
def _template(pg_server) -> str:
    migrate(pg_server.url_for(TEMPLATE))
    make_login(pg_server.url_for(TEMPLATE), pg_server.desk_url_for(TEMPLATE), member_of=DESK)
    make_login(pg_server.url_for(TEMPLATE), pg_server.read_url_for(TEMPLATE), member_of=READ)
    return TEMPLATE


@pytest.fixture
def database_url(pg_server, _template):
    """The owner's URL of a database with the whole schema and no rows."""
    name = f"test_{next(_numbers)}"
    _administer(pg_server, f"CREATE DATABASE {name} TEMPLATE {_template}")
    yield pg_server.url_for(name)
    _administer(pg_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def desk_url(database_url, pg_server) -> str:
    """The URL of the same database with the rights of a task."""
    return pg_server.desk_url_for(database_url.rpartition("/")[2])


@pytest.fixture
def read_url(database_url, pg_server) -> str:
    """The URL of the same database for whoever only reads."""
    return pg_server.read_url_for(database_url.rpartition("/")[2])


@pytest.fixture(scope="session")
def schema_url(pg_server, _template):
    """The URL of a database with the whole schema, for all tests that only look at it."""
    _administer(pg_server, f"CREATE DATABASE test_schema TEMPLATE {_template}")
    return pg_server.url_for("test_schema")


@pytest.fixture
def store(desk_url) -> PostgresStore:
    """A store on a database of its own, with the rights of a task."""
    return PostgresStore(desk_url, writer_wait_seconds=1)


def _administer(server, *statements: str) -> None:
    with closing(connect(server.url_for("postgres"))) as connection:
        connection.autocommit = True
        for statement in statements:
            connection.cursor().execute(statement)
