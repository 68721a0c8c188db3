"""Postgres goes away, transactions collide, a writer sleeps: one order per intent, and books equal to the broker's."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import psycopg2.errors
import pytest
from trading.adapters.embedded_postgres import EmbeddedPostgres
from trading.adapters.ibkr.broker import IbkrBroker
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect
from trading.adapters.postgres_store.ledger import PostgresLedgerRows
from trading.domain.orders import OrderStatus
from trading.errors import TransientError
from trading.tasks.submission import Submission

from tests.integration.order_desk import Desk, desk_on, services_at

AT, NEXT = "2019-06-03 10:30", "2019-06-03 11:30"


@pytest.fixture
def server():
    """A Postgres of its own, which a test may stop."""
    with tempfile.TemporaryDirectory(prefix="airdesk-faults-") as folder:
        Path(folder).chmod(0o711)
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            yield postgres
        finally:
            postgres.stop()


@pytest.mark.parametrize("after_send", [False, True], ids=["P02 before the send", "P03 after the send"])
def test_p02_p03_a_database_that_dies_around_the_send_costs_no_second_order(
    server, bars, monkeypatch, after_send: bool
) -> None:
    url = server.start().url_for("faults")
    migrate(url)
    with desk_on(PostgresStore(url, writer_wait_seconds=5), bars) as desk:
        desk.sync(AT)
        legs = desk.enter(AT)
        real = IbkrBroker.submit

        def dying(broker, family):
            if after_send:
                events = real(broker, family)
                server.stop()
                return events
            server.stop()
            raise TransientError("the process saw its database go before it sent anything")

        monkeypatch.setattr(IbkrBroker, "submit", dying)
        with pytest.raises(TransientError):
            desk.execute(AT)
        monkeypatch.setattr(IbkrBroker, "submit", real)
        again = server.start().url_for("faults")
        desk.services = services_at(PostgresStore(again, writer_wait_seconds=5), desk.gateway)
        desk.execute(AT)
        assert sorted(desk.refs_at_broker()) == sorted(o.order_id for o in legs)
        assert desk.status(*legs) == [OrderStatus.FILLED, OrderStatus.SUBMITTED, OrderStatus.SUBMITTED]
        assert desk.cash() == Decimal(100_000) - 99 * Decimal("100.05") - 1


@pytest.mark.parametrize("error", [psycopg2.errors.SerializationFailure, psycopg2.errors.DeadlockDetected])
def test_p05_a_transaction_that_collides_is_taken_back_whole_and_retried_whole(desk, monkeypatch, error) -> None:
    desk.sync(AT)
    entry, *_ = desk.enter(AT)
    real = PostgresLedgerRows.add_booking

    def colliding(ledger, booking):
        real(ledger, booking)
        raise error("could not serialize access")

    monkeypatch.setattr(PostgresLedgerRows, "add_booking", colliding)
    with pytest.raises(TransientError, match="nothing was stored"):
        desk.execute(AT)
    assert (desk.held(), desk.cash()) == ({}, Decimal(100_000))
    monkeypatch.setattr(PostgresLedgerRows, "add_booking", real)
    desk.execute(AT)
    assert desk.held() == {"NVDA": Decimal(99)}
    assert desk.cash() == Decimal(100_000) - 99 * Decimal("100.05") - 1
    assert len(desk.refs_at_broker()) == 3
    assert desk.status(entry) == [OrderStatus.FILLED]


def a_sleepy_writer(database_url: str, port: int, control_port: int, folder: str) -> None:
    """Be a process that falls asleep after its ids are committed and before anything is sent."""
    send = Submission.submit

    def sleepy(desk, family, reserved):
        Path(folder, "asleep").touch()
        os.kill(os.getpid(), signal.SIGSTOP)  # everything of this process stops here, its sockets stay open
        return send(desk, family, reserved)

    Submission.submit = sleepy
    place = type("Place", (), {"port": port, "control_port": control_port})()
    try:
        Desk(services_at(PostgresStore(database_url, writer_wait_seconds=1), place), place).execute(AT)
    except TransientError as refused:
        Path(folder, "refused").write_text(str(refused))


def test_a03_a_writer_that_slept_while_another_one_took_over_neither_sends_nor_stores(
    desk, database_url, tmp_path
) -> None:
    desk.sync(AT)
    legs = desk.enter(AT)
    spawning = multiprocessing.get_context("spawn")
    place = (database_url, desk.gateway.port, desk.gateway.control_port, str(tmp_path))
    sleeper = spawning.Process(target=a_sleepy_writer, args=place)
    sleeper.start()
    try:
        wait_for(tmp_path / "asleep")
        with pytest.raises(TransientError, match="another order writer"):
            desk.execute(AT)
        # The server gives the sleeper up, as after a network partition: only the fences are left.
        end_other_sessions(database_url)
        desk.gateway.tell("drop_clients")
        desk.execute(AT)
        orders, cash = desk.gateway.orders(), desk.cash()
        os.kill(sleeper.pid, signal.SIGCONT)
        sleeper.join(60)
        assert (tmp_path / "refused").read_text()
        assert desk.gateway.orders() == orders
        assert (desk.cash(), len(desk.refs_at_broker())) == (cash, 3)
        assert desk.status(*legs) == [OrderStatus.FILLED, OrderStatus.SUBMITTED, OrderStatus.SUBMITTED]
    finally:
        sleeper.kill()
        sleeper.join()


def wait_for(path: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} did not appear"
        time.sleep(0.05)


def end_other_sessions(database_url: str) -> None:
    statement = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    with closing(connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def test_a08_clearing_a_finished_hour_changes_nothing(desk) -> None:
    desk.sync(AT)
    desk.enter(AT)
    desk.execute(AT)
    desk.sync(NEXT)
    orders, cash = desk.gateway.orders(), desk.cash()
    for _ in range(2):
        desk.sync(AT)
        assert desk.execute(AT).counts["sent"] == 0
    assert (desk.gateway.orders(), desk.cash()) == (orders, cash)
