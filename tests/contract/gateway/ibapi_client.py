"""IB's official client, unmodified: a thread reads, and every callback is kept as it came."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import socket
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.gateway.market import wait_until_free
from tests.fakes import RunningGateway

needs_ibapi = pytest.mark.skipif(
    importlib.util.find_spec("ibapi") is None,
    reason="ibapi is not installed here; tests/clients/run.py has it in an environment of its own",
)
_CALLBACKS = (
    "accountDownloadEnd accountSummary accountSummaryEnd commissionAndFeesReport completedOrder completedOrdersEnd "
    "connectionClosed contractDetails contractDetailsEnd currentTime error execDetails execDetailsEnd historicalData "
    "historicalDataEnd managedAccounts marketDataType marketRule nextValidId openOrder openOrderEnd orderStatus "
    "position positionEnd symbolSamples tickGeneric tickPrice tickSnapshotEnd tickString updateAccountValue "
    "updatePortfolio"
)
PATIENCE_SECONDS = 5.0


class IbapiClient:
    """One connected client.

    Attributes:
        heard: the arguments of each call of a callback, by its name.
        sequence: names of the callbacks in the order of arrival.
    """

    def __init__(self, gateway: RunningGateway, client_id: int = 11) -> None:
        self._gateway, self._client_id = gateway, client_id
        self._is_closed = False
        self.heard: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self.sequence: list[str] = []
        self._news = threading.Condition()
        self.app = self._make_app()
        self.app.connect("127.0.0.1", gateway.port, client_id)
        self._reader = threading.Thread(target=self.app.run, daemon=True)
        self._reader.start()

    def _make_app(self) -> Any:
        logging.getLogger("ibapi").setLevel(logging.CRITICAL)
        client, wrapper = importlib.import_module("ibapi.client"), importlib.import_module("ibapi.wrapper")

        def recorder(name: str) -> Callable[..., None]:
            def record(_app: object, *arguments: Any) -> None:
                with self._news:
                    self.heard[name].append(arguments)
                    self.sequence.append(name)
                    self._news.notify_all()

            return record

        kind = type("App", (wrapper.EWrapper, client.EClient), {name: recorder(name) for name in _CALLBACKS.split()})
        app = kind.__new__(kind)
        wrapper.EWrapper.__init__(app)
        client.EClient.__init__(app, app)
        return app

    def wait(self, name: str, count: int = 1) -> list[tuple[Any, ...]]:
        """Return what a callback was called with, once that was `count` times."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.heard[name]) >= count, PATIENCE_SECONDS), f"no {name}"
        return self.heard[name]

    def settle(self) -> None:
        """Wait for everything that the gateway sent so far: it answers in order."""
        seen = len(self.heard["currentTime"])
        self.app.reqCurrentTime()
        self.wait("currentTime", seen + 1)

    @property
    def codes(self) -> list[int]:
        """Error codes; the arguments are (id, time, code, text, advanced text)."""
        return [arguments[2] for arguments in self.heard["error"]]

    def stock(self, symbol: str = "NVDA") -> Any:
        contract = importlib.import_module("ibapi.contract").Contract()
        contract.symbol, contract.secType, contract.exchange, contract.currency = symbol, "STK", "SMART", "USD"
        return contract

    def place(self, order_id: int, action: str, quantity: int, kind: str = "MKT", **fields: Any) -> None:
        """Place an order and wait until the gateway has answered."""
        order = importlib.import_module("ibapi.order").Order()
        order.action, order.totalQuantity, order.orderType = action, quantity, kind
        for name, value in {"tif": "DAY", **fields}.items():
            setattr(order, name, value)
        self.app.placeOrder(order_id, self.stock(), order)
        self.settle()

    def cancel(self, order_id: int) -> None:
        """Cancel an order."""
        self.app.cancelOrder(order_id, importlib.import_module("ibapi.order_cancel").OrderCancel())
        self.settle()

    def close(self) -> None:
        """Disconnect, and wait until the gateway has let the client id go."""
        if self._is_closed:
            return
        self._is_closed = True
        with contextlib.suppress(AttributeError, OSError):  # gone, if the gateway hung up
            # The library's reader sits in recv() for up to a second, and the socket stays open for as long.
            self.app.conn.socket.shutdown(socket.SHUT_RDWR)
        self.app.disconnect()
        self._reader.join(PATIENCE_SECONDS)
        if self.heard["nextValidId"]:
            wait_until_free(self._gateway, self._client_id)
