"""One client connection: handshake, a queue of requests served strictly in order, and the faults of the pipe.

The bytes `API`, a NUL and a framed `v<min>..<max>` open the connection; the answer is the version and the time. Then
START_API names the client id. Requests that were received before the end of the stream are served, also when the client
is gone: that is why a client id is free again only after everything that it had sent was handled.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING

from trading.domain.money import ZERO
from trading.errors import AirdeskError
from trading.gateway.account_view import Standing
from trading.gateway.broker import PaperBroker
from trading.gateway.faults import Fault
from trading.gateway.records import GatewayOrder, Refusal, Status
from trading.gateway.requests import Handler, account, connection, contracts, market, orders, refuse
from trading.gateway.requests.market import Watch
from trading.gateway.wire import frames
from trading.gateway.wire import orders as wire
from trading.gateway.wire.market import DataKind

if TYPE_CHECKING:
    from trading.gateway.server import Gateway

LOG = logging.getLogger(__name__)
_PREFIX = b"API\0"
_MAX_HELLO_BYTES = 1000
_HELLO = re.compile(rb"v(\d+)\.\.(\d+)")
_PLACE_ORDER, _CANCEL_ORDER = 3, 4
HANDLERS: dict[int, Handler] = {
    **connection.HANDLERS,
    **account.HANDLERS,
    **contracts.HANDLERS,
    **market.HANDLERS,
    **orders.HANDLERS,
}


class Session(asyncio.Protocol):
    """A client's socket.

    Attributes:
        version: server version that was announced; 0 before the handshake.
        client_id: None before START_API.
        data_kind: market data type that the client asked for.
        watches: market data subscriptions by request id.
        hears_account, hears_positions: whether the client subscribed to them.
        account_told: what it heard last about them; None before it asked.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.version = 0
        self.client_id: int | None = None
        self.data_kind = DataKind.LIVE
        self.watches: dict[int, Watch] = {}
        self.hears_account = self.hears_positions = False
        self.account_told: Standing | None = None
        self._hello = b""
        self._frames = frames.FrameSplitter()
        self._requests: asyncio.Queue[list[str] | None] = asyncio.Queue()
        self._about = -1

    @property
    def broker(self) -> PaperBroker:
        """The broker behind the gateway."""
        return self.gateway.broker

    @property
    def client(self) -> int:
        """The client id; a request before START_API is malformed."""
        if self.client_id is None:
            raise Refusal(320, "Error reading request: it came before START_API")
        return self.client_id

    # --- socket ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to serve."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.gateway.sessions.append(self)
        self._worker = asyncio.ensure_future(self._work())

    def data_received(self, data: bytes) -> None:
        """Queue complete requests; the first bytes are the handshake."""
        if not self.version:
            self._hello += data
            data = self._shake_hands()
        try:
            for fields in self._frames.feed(data):
                self._requests.put_nowait(fields)
        except ValueError as absurd:
            LOG.warning("a client was dropped: %s", absurd)
            self.hang_up()

    def _shake_hands(self) -> bytes:
        """Answer the handshake once it is whole; return what came behind it."""
        size = int.from_bytes(self._hello[4:8], "big")
        is_foreign = not _PREFIX.startswith(self._hello[:4]) or size > _MAX_HELLO_BYTES
        if not is_foreign and (len(self._hello) < 8 or len(self._hello) < 8 + size):
            return b""
        offered = _HELLO.match(self._hello[8 : 8 + size])
        if is_foreign or offered is None or int(offered[2]) < frames.MIN_VERSION:
            LOG.warning("a client that speaks no TWS protocol of version %s was refused", frames.MIN_VERSION)
            self.hang_up()
            return b""
        self.version = frames.negotiate(int(offered[2]))
        self.send(frames.frame(self.version, frames.stamp(self.broker.state.clock)))
        return self._hello[8 + size :]

    def eof_received(self) -> bool:
        """Handle what came before the end of the stream, then close."""
        self._requests.put_nowait(None)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle what came before the connection broke, then release the client id."""
        self._requests.put_nowait(None)

    def hang_up(self) -> None:
        """Close once everything was sent."""
        self._transport.close()

    def close(self) -> None:
        """Drop the client."""
        if self in self.gateway.sessions:
            self.gateway.sessions.remove(self)
        self._transport.close()

    def stop(self) -> None:
        """Drop the client and whatever it still had in the pipe."""
        self._worker.cancel()
        self._transport.abort()
        self.close()

    # --- answers --------------------------------------------------------------------------------

    def send(self, message: bytes) -> None:
        """Write one message, unless a fault rule says otherwise."""
        rule = None if self.client_id is None else self.gateway.faults.take(-frames.message_id(message))
        if rule is not None and rule.fault is Fault.DELAY:
            asyncio.get_running_loop().call_later(rule.seconds, self._write, message, None)
        else:
            self._write(message, rule.fault if rule else None)

    def _write(self, message: bytes, fault: Fault | None) -> None:
        if self._transport.is_closing():
            return
        if fault is Fault.CLOSE_BEFORE:
            self._transport.abort()
        elif fault is Fault.HALF_FRAME:
            self._transport.write(message[: len(message) // 2])
            self._transport.close()
        elif fault is not Fault.DROP:
            self._transport.write(message * (2 if fault is Fault.DUPLICATE else 1))
            if fault is Fault.CLOSE_AFTER:
                self._transport.close()

    def send_often(self, message: bytes) -> None:
        """Write a message about an order; twice if the gateway stutters."""
        for _ in range(2 if self.gateway.behaviour.duplicate_messages else 1):
            self.send(message)

    def error(self, request_id: int, code: int, text: str) -> None:
        """Send message 4."""
        self.send(wire.error(self.version, request_id, code, text))

    def tell_order(self, order: GatewayOrder) -> None:
        """Send openOrder and orderStatus."""
        last_price = order.average_price if order.status is Status.FILLED else ZERO
        self.send_often(wire.open_order(order, self.gateway.listings[order.ticket.symbol], self.version))
        self.send_often(wire.order_status(order, order.client_id, last_price))

    # --- requests -------------------------------------------------------------------------------

    def about(self, request_id: int) -> int:
        """Name the request or order that a refusal of the request in hand is about."""
        self._about = request_id
        return request_id

    async def _work(self) -> None:
        try:
            while (fields := await self._requests.get()) is not None:
                if not fields or not fields[0].isdecimal():
                    self.error(-1, 320, f"Error reading request: {fields[:1]} is no message id")
                elif not await self._serve(int(fields[0]), fields[1:]):
                    return
        finally:
            self.close()

    async def _serve(self, message_id: int, fields: list[str]) -> bool:
        """Serve one request, as the faults let it; False ends the connection."""
        rule = self.gateway.faults.take(message_id)
        fault = rule.fault if rule else None
        if rule is not None and fault is Fault.DELAY:
            await asyncio.sleep(rule.seconds)
        if message_id in (_PLACE_ORDER, _CANCEL_ORDER) and self.gateway.behaviour.hold_orders_seconds:
            await asyncio.sleep(self.gateway.behaviour.hold_orders_seconds)
        if fault is Fault.CLOSE_BEFORE:
            return False
        if fault is Fault.DROP:
            return True
        if message_id == _PLACE_ORDER and (fault is Fault.SWALLOW or self.gateway.draws.swallows_next()):
            self.gateway.swallow(self.client, frames.Request(fields).whole())
        else:
            self._answer(message_id, fields)
            if fault is Fault.DUPLICATE:
                self._answer(message_id, fields)
        return fault is not Fault.CLOSE_AFTER and not self._transport.is_closing()

    def _answer(self, message_id: int, fields: list[str]) -> None:
        self._about = -1
        try:
            HANDLERS.get(message_id, refuse)(self, frames.Request(fields))
        except Refusal as refusal:
            self.error(self._about, refusal.code, str(refusal))
        except AirdeskError as unable:
            self.error(self._about, 321, f"Error validating request.-'bF' : cause - SIMULATED: {unable}")
