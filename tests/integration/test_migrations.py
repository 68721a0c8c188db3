"""Migrations: from zero, twice, edited, and the walls that they build."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from trading.adapters.migrations import MIGRATIONS_DIR, migrate, pending
from trading.adapters.postgres_store.connection import connect
from trading.errors import InvariantBroken, PermanentError

NAMES = tuple(path.stem for path in sorted(MIGRATIONS_DIR.glob("*.sql")))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MIGRATIONS_DIR, tmp_path / "migrations"))


def test_an_empty_server_gets_everything_once(pg_server) -> None:
    url = pg_server.url_for("from_zero")
    assert migrate(url) == NAMES
    assert pending(url) == ()
    assert migrate(url) == ()


def test_an_edited_file_is_refused_by_name(pg_server, copied: Path) -> None:
    url = pg_server.url_for("edited")
    migrate(url, directory=copied)
    first = copied / f"{NAMES[0]}.sql"
    first.write_text(first.read_text() + "-- a word more\n")
    with pytest.raises(PermanentError, match=f"{NAMES[0]} was edited"):
        migrate(url, directory=copied)


def test_a_removed_file_is_refused_by_name(pg_server, copied: Path) -> None:
    url = pg_server.url_for("removed")
    migrate(url, directory=copied)
    (copied / f"{NAMES[-1]}.sql").unlink()
    with pytest.raises(PermanentError, match=f"{NAMES[-1]} was applied"):
        pending(url, directory=copied)


def test_a_file_that_fails_leaves_nothing_of_itself(pg_server, copied: Path) -> None:
    url = pg_server.url_for("half")
    (copied / "9999_create_half.sql").write_text("CREATE TABLE public.half (a int); SELECT 1 / 0;")
    with pytest.raises(InvariantBroken):
        migrate(url, directory=copied)
    assert pending(url, directory=copied) == ("9999_create_half",)
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.half')")
        assert cursor.fetchone() == (None,)
