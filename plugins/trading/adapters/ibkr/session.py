"""One socket session of the client library, made safe: every request has a deadline and an end that must be seen.

The library's own `connect()` is not used: its start-up synchronisation reports success when end markers are missing
and fails without `execDetailsEnd`. Here only the API handshake is awaited; the snapshot then asks for each thing
explicitly.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from trading.adapters.ibkr.hearing import Hearing
from trading.adapters.ibkr.library import client_library
from trading.errors import BrokerRefused, TransientError

LOG = logging.getLogger(__name__)
SUMMARY_TAGS = "AccountType,TotalCashValue,SettledCash,AvailableFunds,BuyingPower"
FIRST_REQUEST_ID = 1_000_000_000
"""Requests are numbered far above orders: an error message names only a number."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds.

    Attributes:
        handshake_seconds: for the API handshake.
        request_seconds: for the end marker of each request.
        client_id_seconds: for a client id that a dead session still holds.
        acknowledgement_seconds: for the permId of each leg.
        commission_seconds: for commission reports after the executions are in.
        quote_seconds: for a market data snapshot; a real broker ends one after some 11 s.
    """

    handshake_seconds: float = 10.0
    request_seconds: float = 10.0
    client_id_seconds: float = 30.0
    acknowledgement_seconds: float = 10.0
    commission_seconds: float = 1.0
    quote_seconds: float = 12.0


class ClientIdBusy(ConnectionError):
    """The gateway answered 326."""


class IbSession:
    """A connection of the client library.

    Attributes:
        ib: the library's object. hearing: what the gateway said.
        client_id: under which it is open.
    """

    def __init__(self, client_id: int, patience: Patience) -> None:
        self.library = client_library()
        self.ib: Any = self.library.connection()
        self.client_id, self.patience = client_id, patience
        self.ib.RequestTimeout = patience.request_seconds
        self.ib.RaiseRequestErrors = True
        self.hearing = Hearing(self.ib, client_id, self._fail_fast)

    def _fail_fast(self, text: str) -> None:
        self.library.failures.emit(ClientIdBusy(text))

    def open(self, host: str, port: int) -> None:
        """Connect and wait until the gateway said its accounts and the next order id."""
        client = self.ib.client
        self.ib.wrapper.clientId = self.client_id
        self.library.run(client.connectAsync(host, port, self.client_id, self.patience.handshake_seconds))
        client.updateReqId(FIRST_REQUEST_ID)

    def close(self) -> None:
        """Disconnect. Whatever the library still throttles is lost, so every caller waits for its answer first."""
        self.ib.disconnect()

    def ask[Answer](self, what: str, start: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer to one request, complete.

        Raises:
            TransientError: silence, a missing end marker, or a lost socket.
            BrokerRefused: the gateway answered with an error.
        """
        try:
            answer: Answer = self.library.run(_started(start), timeout=self.patience.request_seconds)
        except TimeoutError as silent:
            raise TransientError(
                f"the broker did not finish its answer about {what}; nothing is assumed, it is retried"
            ) from silent
        except ConnectionError as lost:
            raise TransientError(f"the broker's connection broke while asking for {what}; it is retried") from lost
        except self.library.request_error as refused:
            raise BrokerRefused(f"the broker refused to tell {what}: {refused}; look at the gateway") from refused
        return answer

    def wait_until(self, is_true: Callable[[], bool], seconds: float) -> bool:
        """Let messages in until `is_true` or the time is up; whether it became true."""
        deadline = time.monotonic() + seconds
        while not is_true():
            left = deadline - time.monotonic()
            if left <= 0 or not self.ib.isConnected():
                return is_true()
            try:
                self.ib.waitOnUpdate(timeout=min(left, 0.05))
            except ConnectionError:
                return is_true()
        return True

    def account_summary(self) -> dict[str, str]:
        """Return the account's tags; cancelled at once, because a gateway serves only two such subscriptions."""
        request_id = self.ib.client.getReqId()

        def start() -> Awaitable[object]:
            future: Awaitable[object] = self.ib.wrapper.startReq(request_id)
            self.ib.client.reqAccountSummary(request_id, "All", SUMMARY_TAGS)
            return future

        self.ib.wrapper.acctSummary.clear()
        self.ask("the account", start)
        self.ib.client.cancelAccountSummary(request_id)
        return {value.tag: value.value for value in self.ib.wrapper.acctSummary.values()}

    def refresh_next_order_id(self) -> int:
        """Return the next valid order id, asked for now."""
        hearing = self.hearing
        hearing.next_order_id = None
        self.ib.client.reqIds(1)
        if not self.wait_until(lambda: hearing.next_order_id is not None, self.patience.request_seconds):
            raise TransientError("the broker did not say its next order id; nothing is sent, it is retried")
        assert hearing.next_order_id is not None, "wait_until saw it"
        return hearing.next_order_id


async def _started[Answer](start: Callable[[], Awaitable[Answer]]) -> Answer:
    return await start()


def open_session(host: str, port: int, client_id: int, patience: Patience) -> IbSession:
    """Return a connected session under exactly `client_id`.

    A busy id means that a dead process's bytes are still in the pipe: waiting for it is the fence against duplicates,
    taking another id would remove it.

    Raises:
        TransientError: the id stays busy, or the gateway does not answer.
    """
    deadline = time.monotonic() + patience.client_id_seconds
    while True:
        session = IbSession(client_id, patience)
        try:
            session.open(host, port)
        except ClientIdBusy as busy:
            session.close()
            if time.monotonic() >= deadline:
                raise TransientError(
                    f"client id {client_id} at {host}:{port} is still in use; another process uses it, it is retried"
                ) from busy
            time.sleep(0.1)
        except (OSError, TimeoutError) as silent:
            session.close()
            raise TransientError(f"no broker answers at {host}:{port}; start the gateway, it is retried") from silent
        else:
            LOG.info("connected to the broker at %s:%s as client %s", host, port, client_id)
            return session
