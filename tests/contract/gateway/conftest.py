"""The paper gateway on a loopback port, and clients of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.contract.gateway.ib_client import IbClient
from tests.contract.gateway.market import NOW, market
from tests.fakes import RunningGateway, memory_feed, running_gateway


@pytest.fixture
def gateway() -> Iterator[RunningGateway]:
    with running_gateway(memory_feed(market()), NOW) as running:
        yield running


@pytest.fixture
def connect(gateway: RunningGateway) -> Iterator[Callable[..., IbClient]]:
    """Return a function that connects a client under an id; every client is disconnected afterwards."""
    opened: list[IbClient] = []

    def open_client(client_id: int = 11, **options) -> IbClient:
        opened.append(IbClient(gateway, client_id, **options))
        return opened[-1]

    yield open_client
    for client in opened:
        client.close()


@pytest.fixture
def client(connect: Callable[..., IbClient]) -> IbClient:
    """One connected client."""
    return connect()
