"""Postgres dies in the middle of a sending: a server of its own, killed like a power cut."""

from __future__ import annotations

import os
import signal
import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from trading.adapters.embedded_postgres import EmbeddedPostgres
from trading.adapters.ibkr.broker import IbkrBroker
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store import PostgresStore
from trading.domain.orders import OrderStatus
from trading.errors import TransientError

from tests.integration.order_desk import desk_on

AT = "2019-06-03 10:30"


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory(prefix="airdesk-test-") as folder:
        Path(folder).chmod(0o711)
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            postgres.start()
            yield postgres
        finally:
            postgres.stop()


def pull_the_plug(server: EmbeddedPostgres) -> None:
    pid = int((server.data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("after", [False, True], ids=["p02 before the send", "p03 after the send"])
def test_p02_p03_a_server_that_dies_around_the_send_leaves_one_order_and_exact_books(
    server, monkeypatch, bars, after: bool
) -> None:
    url = server.start().url_for(f"power_cut_{after}".lower())
    migrate(url)
    submit = IbkrBroker.submit

    def cut_off(broker, family):
        if not after:
            pull_the_plug(server)
        events = submit(broker, family) if after else ()
        if after:
            pull_the_plug(server)
        return events or submit(broker, family)

    with desk_on(PostgresStore(url, writer_wait_seconds=5), bars) as desk:
        desk.sync(AT)
        legs = desk.enter(AT)
        with monkeypatch.context() as patched:
            patched.setattr(IbkrBroker, "submit", cut_off)
            with pytest.raises(TransientError):
                desk.execute(AT)
        server.start()
        desk.execute(AT)
        assert sorted(desk.refs_at_broker()) == sorted(o.order_id for o in legs)
        assert desk.status(*legs) == [OrderStatus.FILLED, OrderStatus.SUBMITTED, OrderStatus.SUBMITTED]
        assert desk.held() == {"NVDA": Decimal(99)}
        assert desk.cash() == Decimal(100_000) - 99 * Decimal("100.05") - 1
