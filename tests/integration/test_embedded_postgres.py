"""The server of the wheel: starts, survives a kill, moves from a busy port, keeps its secret."""

from __future__ import annotations

import os
import signal
import socket
import stat
from contextlib import closing
from pathlib import Path

import pytest
from trading.adapters.embedded_postgres import EmbeddedPostgres
from trading.adapters.postgres_store.connection import connect, ensure_database
from trading.errors import ConfigurationError, TransientError


@pytest.fixture
def postgres(tmp_path: Path):
    server = EmbeddedPostgres(tmp_path / "a place with spaces")
    yield server
    server.stop()


def _ask(url: str, question: str) -> object:
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0] if cursor.description else None


def _postmaster(server: EmbeddedPostgres) -> int:
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def test_rows_survive_a_stop_and_a_kill(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    _ask(postgres.ensure_database("desk"), "CREATE TABLE kept AS SELECT 7 AS value")
    postgres.stop()
    assert not postgres.is_running()
    info = postgres.start()
    os.kill(_postmaster(postgres), signal.SIGKILL)
    again = postgres.start()
    assert (again.port, again.moved) == (info.port, False)
    assert _ask(again.url_for("desk"), "SELECT value FROM kept") == 7
    postgres.crash()
    assert not postgres.is_running()
    assert _ask(postgres.start().url_for("desk"), "SELECT value FROM kept") == 7


def test_a_running_server_is_adopted(postgres: EmbeddedPostgres) -> None:
    info = postgres.start()
    pid = _postmaster(postgres)
    assert EmbeddedPostgres(postgres.home).start() == info
    assert _postmaster(postgres) == pid


def test_a_busy_port_is_left_and_told(postgres: EmbeddedPostgres) -> None:
    first = postgres.start()
    postgres.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", first.port))
        other.listen()
        moved = postgres.start()
    assert moved.moved
    assert moved.port != first.port
    assert "taken by another program" in moved.sentence


def test_the_pid_file_of_a_killed_server_is_no_obstacle_when_its_pid_is_in_use_again(
    postgres: EmbeddedPostgres,
) -> None:
    postgres.start()
    os.kill(_postmaster(postgres), signal.SIGKILL)
    lines = (postgres.data / "postmaster.pid").read_text().splitlines()
    (postgres.data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert not postgres.is_running()
    info = postgres.start()
    assert _ask(info.url_for("postgres"), "SELECT 1") == 1


def test_only_the_owner_reads_the_password_and_only_loopback_listens(postgres: EmbeddedPostgres) -> None:
    info = postgres.start()
    assert stat.S_IMODE((postgres.home / "server.json").stat().st_mode) == 0o600
    assert info.password not in repr(info)
    assert _ask(info.url_for("postgres"), "SHOW listen_addresses") == "127.0.0.1"
    assert _ask(info.url_for("postgres"), "SHOW unix_socket_directories") == ""
    with pytest.raises(ConfigurationError, match="refuses the login") as refusal:
        connect(info.url_for("postgres").replace(info.password, "wrong-secret"))
    assert "wrong-secret" not in str(refusal.value)


def test_stopping_what_never_ran_is_nothing(tmp_path: Path) -> None:
    EmbeddedPostgres(tmp_path / "none").stop()
    assert not (tmp_path / "none").exists()


def test_a_silent_server_is_worth_waiting_for_and_its_error_holds_no_password() -> None:
    with pytest.raises(TransientError, match="try again") as silence:
        connect("postgresql://someone:hidden@127.0.0.1:9/desk")
    assert "hidden" not in str(silence.value)


def test_a_url_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigurationError, match="AIRDESK_DATABASE_URL") as refusal:
        connect("postgresql://someone:hid@den@127.0.0.1:port/desk?nonsense=1")
    assert "hid" not in str(refusal.value)


def test_a_database_is_created_once(pg_server) -> None:
    assert ensure_database(pg_server.url_for("created once"))
    assert not ensure_database(pg_server.url_for("created once"))
