"""ib_insync, or ib_async where that is installed instead, unmodified; what both call alike is written once here."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import logging
from typing import Any

import pytest

from tests.contract.gateway.market import wait_until_free
from tests.fakes import RunningGateway

NAME = next((n for n in ("ib_insync", "ib_async") if importlib.util.find_spec(n)), None)
needs_library = pytest.mark.skipif(NAME is None, reason="neither ib_insync nor ib_async is installed here")
VERSIONS = {"ib_insync": (157, 163, 164, 166, 170, 176), "ib_async": (157, 163, 164, 166, 170, 176, 177, 178)}
"""Server versions that each library can be made to negotiate."""


def library() -> Any:
    """Return the library's module; it takes the current event loop at import."""
    try:
        loop = asyncio.get_event_loop_policy().get_event_loop()
    except RuntimeError:
        loop = None
    if loop is None or loop.is_closed():
        asyncio.set_event_loop(asyncio.new_event_loop())
    assert NAME is not None, "tests of the library are skipped without it"
    logging.getLogger(NAME).setLevel(logging.CRITICAL)
    return importlib.import_module(NAME)


class IbClient:
    """One connected client; `errors` holds (request or order id, code, text) in the order of arrival."""

    def __init__(
        self, gateway: RunningGateway, client_id: int = 11, *, max_version: int | None = None, timeout: float = 5
    ) -> None:
        self._gateway, self._client_id = gateway, client_id
        self._is_closed = False
        self.lib = library()
        self.ib = self.lib.IB()
        self.errors: list[tuple[int, int, str]] = []
        self.ib.errorEvent += lambda request_id, code, text, contract: self.errors.append((request_id, code, text))
        self.ib.RequestTimeout = 5
        if max_version is not None:
            self.ib.client.MaxClientVersion = max_version
        self.ib.connect("127.0.0.1", gateway.port, clientId=client_id, timeout=timeout)

    @property
    def codes(self) -> list[int]:
        """Error codes in the order of arrival."""
        return [code for _, code, _ in self.errors]

    def settle(self) -> None:
        """Let in what the gateway sent so far: it answers in order, and the time is its last answer."""
        self.ib.reqCurrentTime()

    def wait_until(self, is_true: Any, seconds: float = 5) -> None:
        """Let messages in until something is true."""
        for _ in range(int(seconds / 0.01)):
            if is_true():
                return
            self.ib.sleep(0.01)
        raise AssertionError("it did not become true")

    def wait_until_lost(self) -> None:
        """Wait until the gateway hung up; what was being asked for then ends with a ConnectionError."""
        with contextlib.suppress(ConnectionError):
            self.wait_until(lambda: not self.ib.isConnected())
        assert not self.ib.isConnected()
        self.close()

    def stock(self, symbol: str = "NVDA") -> Any:
        return self.lib.Stock(symbol, "SMART", "USD")

    def known(self, contract: Any) -> Any:
        """Return the contract with its id; ib_async subscribes to nothing else."""
        [found] = self.ib.qualifyContracts(contract)
        return found

    def order(self, action: str, quantity: float, kind: str = "MKT", **fields: Any) -> Any:
        """Return an order with explicit time in force."""
        return self.lib.Order(action=action, totalQuantity=quantity, orderType=kind, **{"tif": "DAY", **fields})

    def place(self, action: str, quantity: float, kind: str = "MKT", symbol: str = "NVDA", **fields: Any) -> Any:
        """Place an order and return its trade once the gateway has answered."""
        trade = self.ib.placeOrder(self.stock(symbol), self.order(action, quantity, kind, **fields))
        self.settle()
        return trade

    def change(self, trade: Any) -> None:
        """Send a trade's order again."""
        self.ib.placeOrder(trade.contract, trade.order)
        self.settle()

    def close(self) -> None:
        """Disconnect, and wait until the gateway has let the client id go: what was sent is served first."""
        if self._is_closed:
            return
        self._is_closed = True
        self.ib.disconnect()
        self.ib.sleep(0)  # the transport closes in the next turn of the loop
        wait_until_free(self._gateway, self._client_id)
