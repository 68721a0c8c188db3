"""One socket session of ib_insync, made safe: every request has a deadline and an end marker that must be seen.

The library's own `connect()` is not used: its start-up synchronisation reports success when end markers are missing
and fails without `execDetailsEnd`. Here only the API handshake is awaited; the snapshot then asks for each thing
explicitly. ib_insync is imported inside functions, because it takes a second and needs an event loop at import.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from trading.errors import BrokerRefused, TransientError

LOG = logging.getLogger(__name__)
CLIENT_ID_IN_USE = 326
LOST, BACK = frozenset({1100, 2110}), frozenset({1101, 1102})
QUIET = ("ib_insync.client", "ib_insync.wrapper", "ib_insync.ib")
SUMMARY_TAGS = "AccountType,TotalCashValue"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds.

    Attributes:
        handshake_seconds: for the API handshake.
        request_seconds: for the end marker of each request.
        client_id_seconds: for a client id that a dead session still holds.
        acknowledgement_seconds: for the permId of each leg.
        commission_seconds: for commission reports after the executions are in.
    """

    handshake_seconds: float = 10.0
    request_seconds: float = 10.0
    client_id_seconds: float = 30.0
    acknowledgement_seconds: float = 10.0
    commission_seconds: float = 1.0


def ensure_event_loop() -> None:
    """Give this thread an open event loop: ib_insync takes the current one, at import and at every request."""
    try:
        loop = asyncio.get_event_loop_policy().get_event_loop()
    except RuntimeError:
        loop = None
    if loop is None or loop.is_closed():
        asyncio.set_event_loop(asyncio.new_event_loop())


class ClientIdBusy(ConnectionError):
    """The gateway answered 326."""


class IbSession:
    """A connected ib_insync client.

    Attributes:
        ib: the library's object.
        next_order_id: what the gateway last said: highest id seen from this client, plus one.
        errors: (request or order id, code, text) in the order of arrival.
        is_broker_reachable: False between the messages 1100 and 1101/1102.
    """

    def __init__(self, patience: Patience) -> None:
        from ib_insync import IB

        self.ib: Any = IB()
        self.patience = patience
        self.next_order_id: int | None = None
        self.errors: list[tuple[int, int, str]] = []
        self.is_broker_reachable = True
        self.ib.RequestTimeout = patience.request_seconds
        self.ib.RaiseRequestErrors = True
        self.ib.errorEvent += self._on_error
        self.ib.wrapper.nextValidId = self._on_next_id

    def _on_next_id(self, order_id: int) -> None:
        self.next_order_id = order_id

    def _on_error(self, request_id: int, code: int, text: str, contract: object) -> None:
        from ib_insync import util

        self.errors.append((request_id, code, text))
        if code in LOST | BACK:
            self.is_broker_reachable = code in BACK
        if code == CLIENT_ID_IN_USE:
            util.globalErrorEvent.emit(ClientIdBusy(text))

    def open(self, host: str, port: int, client_id: int) -> None:
        """Connect and wait until the gateway said its accounts and the next order id."""
        from ib_insync import util

        self.ib.wrapper.clientId = client_id
        util.run(self.ib.client.connectAsync(host, port, client_id, self.patience.handshake_seconds))

    def close(self) -> None:
        """Disconnect."""
        self.ib.disconnect()

    def ask[Answer](self, what: str, start: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer to one request, complete.

        Raises:
            TransientError: silence, a missing end marker, or a lost socket.
            BrokerRefused: the gateway answered with an error.
        """
        from ib_insync import util
        from ib_insync.wrapper import RequestError

        try:
            answer: Answer = util.run(_started(start), timeout=self.patience.request_seconds)
        except TimeoutError as silent:
            raise TransientError(f"the broker did not finish its answer about {what}; nothing is assumed") from silent
        except ConnectionError as lost:
            raise TransientError(f"the broker's connection broke while asking for {what}; it is retried") from lost
        except RequestError as refused:
            raise BrokerRefused(f"the broker refused to tell {what}: {refused.code} {refused.message}") from refused
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
        self.next_order_id = None
        self.ib.client.reqIds(1)
        if not self.wait_until(lambda: self.next_order_id is not None, self.patience.request_seconds):
            raise TransientError("the broker did not say its next order id; nothing is sent, it is retried")
        assert self.next_order_id is not None, "wait_until saw it"
        return self.next_order_id


async def _started[Answer](start: Callable[[], Awaitable[Answer]]) -> Answer:
    return await start()


def open_session(host: str, port: int, client_id: int, patience: Patience) -> IbSession:
    """Return a connected session under exactly `client_id`.

    A busy id means that a dead process's bytes are still in the pipe: waiting for it is the fence against duplicates,
    taking another id would remove it.

    Raises:
        TransientError: the id stays busy, or the gateway does not answer.
    """
    ensure_event_loop()
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    deadline = time.monotonic() + patience.client_id_seconds
    while True:
        session = IbSession(patience)
        try:
            session.open(host, port, client_id)
        except ClientIdBusy as busy:
            session.close()
            if time.monotonic() >= deadline:
                raise TransientError(
                    f"client id {client_id} at {host}:{port} is still in use; another writer runs, it is retried"
                ) from busy
            time.sleep(0.1)
        except (OSError, TimeoutError) as silent:
            session.close()
            raise TransientError(f"no broker answers at {host}:{port}; start the gateway, it is retried") from silent
        else:
            LOG.info("connected to the broker at %s:%s as client %s", host, port, client_id)
            return session
