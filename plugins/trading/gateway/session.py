"""One client connection: handshake, then one handler per TWS message id."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from trading.domain.money import ZERO, to_price
from trading.gateway import wire
from trading.gateway.broker import PaperBroker
from trading.gateway.faults import Fault
from trading.gateway.records import LABEL, MARKER_TAG, GatewayOrder, Refusal, Status

if TYPE_CHECKING:
    from trading.gateway.server import Gateway

LOG = logging.getLogger(__name__)
_HELLO = re.compile(rb"v(\d+)\.\.(\d+)")
_PLACE_ORDER, _CANCEL_ORDER = 3, 4
_FARMS = (
    (2104, "Market data farm connection is OK:simulated"),
    (2106, "HMDS data farm connection is OK:simulated"),
    (2158, "Sec-def data farm connection is OK:simulated"),
)


class Session(asyncio.Protocol):
    """A client's socket. Requests are handled strictly in the order received, also those before a disconnect."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.version = 0
        self.client_id: int | None = None
        self._hello = b""
        self._frames = wire.FrameSplitter()
        self._requests: asyncio.Queue[list[str] | None] = asyncio.Queue()
        self._handlers: dict[int, Callable[[list[str]], None]] = {
            3: self._place_order,
            4: self._cancel_order,
            5: lambda f: self._open_orders(o for o in self._broker.live() if o.client_id == self.client_id),
            6: self._account_updates,
            7: self._executions,
            8: lambda f: self._next_id(),
            9: self._contract_details,
            14: lambda f: None,
            16: lambda f: self._open_orders(self._broker.live()),
            17: lambda f: self._accounts(),
            49: lambda f: self.send(wire.frame(49, 1, int(self._broker.state.clock.timestamp()))),
            58: self._cancel_everything,
            61: self._positions,
            62: self._account_summary,
            63: lambda f: None,
            64: lambda f: None,
            71: self._start_api,
            76: self._account_updates_multi,
            77: lambda f: None,
            99: self._completed_orders,
        }

    @property
    def _broker(self) -> PaperBroker:
        return self.gateway.broker

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
        for fields in self._frames.feed(data):
            self._requests.put_nowait(fields)

    def _shake_hands(self) -> bytes:
        size = int.from_bytes(self._hello[4:8], "big")
        if len(self._hello) < 8 or len(self._hello) < 8 + size:
            return b""
        offered = _HELLO.match(self._hello[8 : 8 + size])
        if not self._hello.startswith(b"API\0") or offered is None or int(offered[2]) < wire.MIN_VERSION:
            LOG.warning("a client that speaks no TWS protocol of version %s was refused", wire.MIN_VERSION)
            self._transport.close()
            return b""
        self.version = wire.negotiate(int(offered[2]))
        self.send(wire.frame(self.version, wire.stamp(self._broker.state.clock)))
        return self._hello[8 + size :]

    def eof_received(self) -> bool:
        """Handle what came before the end of the stream, then close."""
        self._requests.put_nowait(None)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle what came before the connection broke, then release the client id."""
        self._requests.put_nowait(None)

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

    def send(self, message: bytes) -> None:
        """Write one message, unless a fault rule says otherwise."""
        if self._transport.is_closing():
            return
        rule = None
        if self.client_id is not None:
            rule = self.gateway.faults.take(-int(message[4:].split(b"\0", 1)[0]))
        fault = rule.fault if rule else None
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

    async def _work(self) -> None:
        try:
            while (fields := await self._requests.get()) is not None:
                if not await self._handle(int(fields[0]), fields[1:]):
                    return
        finally:
            self.close()

    async def _handle(self, message_id: int, fields: list[str]) -> bool:
        """Serve one request; False ends the connection."""
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
            self.gateway.swallow(self._client, int(fields[0]))
            return True
        handler = self._handlers.get(message_id)
        if handler is None:
            self.error(-1, 320, f"Error reading request: message {message_id} is not simulated")
            return True
        try:
            handler(fields)
        except (IndexError, ValueError) as bad:
            self.error(-1, 320, f"Error reading request: {bad}")
        return fault is not Fault.CLOSE_AFTER and not self._transport.is_closing()

    # --- session --------------------------------------------------------------------------------

    @property
    def _client(self) -> int:
        if self.client_id is None:
            raise ValueError("a request before START_API")
        return self.client_id

    def _start_api(self, fields: list[str]) -> None:
        wanted = int(fields[1])
        if any(s.client_id == wanted for s in self.gateway.sessions):
            self.error(-1, 326, "Unable to connect as the client id is already in use. Retry with a unique client id.")
            self._transport.close()
            return
        self.client_id = wanted
        self._accounts()
        self._next_id()
        for code, text in _FARMS:
            self.error(-1, code, text)

    def _accounts(self) -> None:
        self.send(wire.frame(15, 1, self._broker.state.account))

    def _next_id(self) -> None:
        self.send(wire.frame(9, 1, self._broker.next_id(self._client)))

    def _contract_details(self, fields: list[str]) -> None:
        request_id, con_id, symbol, kind = int(fields[1]), fields[2], fields[3], fields[4]
        by_id = {str(wire.con_id(s)): s for s in self._broker.feed.symbols}
        found = by_id.get(con_id) or symbol
        if found not in self._broker.feed.symbols or kind not in ("", "STK"):
            self.error(request_id, 200, "No security definition has been found for the request")
            return
        self.send(wire.contract_details(request_id, found, self.version))
        self.send(wire.frame(52, 1, request_id))

    # --- account --------------------------------------------------------------------------------

    def _values(self) -> list[tuple[str, str, str]]:
        """(tag, value, currency) of the account."""
        state = self._broker.state
        gross = ZERO
        for symbol, holding in state.holdings.items():
            price = self._broker.feed.last_price(symbol, state.clock)
            gross += holding.quantity * (holding.average_cost if price is None else to_price(price))
        cash = f"{state.cash_usd:.2f}"
        money = {tag: cash for tag in ("TotalCashValue", "SettledCash", "AvailableFunds", "BuyingPower", "CashBalance")}
        money |= {"NetLiquidation": f"{state.cash_usd + gross:.2f}", "GrossPositionValue": f"{gross:.2f}"}
        return [("AccountType", "INDIVIDUAL", ""), (MARKER_TAG, LABEL, ""), *((t, v, "USD") for t, v in money.items())]

    def _account_updates(self, fields: list[str]) -> None:
        if fields[1] in ("", "0"):
            return
        account = self._broker.state.account
        for tag, value, currency in self._values():
            self.send(wire.frame(6, 2, tag, value, currency, account))
        self.send(wire.frame(54, 1, account))

    def _account_updates_multi(self, fields: list[str]) -> None:
        request_id, account = int(fields[1]), self._broker.state.account
        for tag, value, currency in self._values():
            self.send(wire.frame(73, 1, request_id, account, "", tag, value, currency))
        self.send(wire.frame(74, 1, request_id))

    def _account_summary(self, fields: list[str]) -> None:
        request_id, tags = int(fields[1]), fields[3].split(",")
        for tag, value, currency in self._values():
            if tag in tags or tag == MARKER_TAG:
                self.send(wire.frame(63, 1, request_id, self._broker.state.account, tag, value, currency))
        self.send(wire.frame(64, 1, request_id))

    def _positions(self, fields: list[str]) -> None:
        account = self._broker.state.account
        for symbol, holding in self._broker.state.holdings.items():
            contract = [wire.con_id(symbol), symbol, "STK", "", 0, "", "", "ISLAND", "USD", symbol, symbol]
            self.send(wire.frame(61, 3, account, *contract, holding.quantity, holding.average_cost))
        self.send(wire.frame(62, 1))

    # --- orders ---------------------------------------------------------------------------------

    def _place_order(self, fields: list[str]) -> None:
        order_id = int(fields[0])
        try:
            self.gateway.refuse_if_unable()
            self.gateway.place(self._client, wire.read_ticket(fields, self.version))
        except Refusal as refusal:
            self.error(order_id, refusal.code, str(refusal))

    def _cancel_order(self, fields: list[str]) -> None:
        order_id = int(fields[1])
        try:
            self.gateway.refuse_if_unable()
            self.gateway.cancel(self._client, order_id)
        except Refusal as refusal:
            self.error(order_id, refusal.code, str(refusal))

    def _cancel_everything(self, fields: list[str]) -> None:
        for order in list(self._broker.live()):
            if not order.is_done:
                self.gateway.cancel(order.client_id, order.ticket.order_id)

    def _open_orders(self, orders: Iterable[GatewayOrder]) -> None:
        for order in list(orders):
            self.tell_order(order)
        self.send(wire.frame(53, 1))

    def _completed_orders(self, fields: list[str]) -> None:
        for order in self._broker.state.orders:
            if order.is_done and order.done_at is not None and self.gateway.is_today(order.done_at):
                self.send(wire.completed_order(order, self.version))
        self.send(wire.frame(102))

    def _executions(self, fields: list[str]) -> None:
        request_id, client_id = int(fields[1]), int(fields[2] or 0)
        for done in self._broker.state.executions:
            order = self._broker.order(done.perm_id)
            if self.gateway.is_today(done.executed_at) and client_id in (0, order.client_id):
                self.send(wire.execution(order, done, request_id, self.version))
                self.gateway.later(wire.commission(done), self)
        self.send(wire.frame(55, 1, request_id))

    def tell_order(self, order: GatewayOrder) -> None:
        """Send openOrder and orderStatus."""
        last_price = order.average_price if order.status is Status.FILLED else ZERO
        self.send_often(wire.open_order(order, self.version))
        self.send_often(wire.order_status(order, order.client_id, last_price))
