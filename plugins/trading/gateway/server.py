"""The gateway process: sessions, event delivery, persistence before every acknowledgement. Loopback only."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from trading.gateway import persistence, stepping, wire
from trading.gateway.behaviour import Behaviour, Draws
from trading.gateway.broker import PaperBroker
from trading.gateway.faults import Faults
from trading.gateway.records import Event, Executed, OrderCancelled, OrderMessage, Refusal, Ticket
from trading.gateway.session import Session

LOOPBACK = "127.0.0.1"


class Gateway:
    """The broker behind sockets.

    Attributes:
        is_read_only: orders get 321, as in a TWS with the read-only box ticked.
        is_connected: False between the messages 1100 and 1102.
    """

    def __init__(self, broker: PaperBroker, state_file: Path | None = None) -> None:
        self.broker = broker
        self.faults = Faults()
        self.behave(Behaviour())
        self.sessions: list[Session] = []
        self.is_read_only = False
        self.is_connected = True
        self._state_file = state_file
        self._server: asyncio.Server | None = None
        self._reopened: list[asyncio.Task[int]] = []
        self._save()

    async def listen(self, port: int) -> int:
        """Accept clients on a loopback port (0: any free one) and return it."""
        self._server = await asyncio.get_running_loop().create_server(lambda: Session(self), LOOPBACK, port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self.port

    def close(self) -> None:
        """Drop every client and stop listening; the state file is up to date."""
        if self._server is not None:
            self._server.close()
        self.drop_clients()

    def drop_clients(self) -> None:
        """Disconnect everybody; what they had in the pipe is lost, as in a nightly restart."""
        for session in list(self.sessions):
            session.stop()

    def behave(self, behaviour: Behaviour) -> None:
        """Misbehave like this from now on."""
        self.behaviour = behaviour
        self.draws = Draws(behaviour)
        self.broker.keeps_rejected_ids = behaviour.keeps_rejected_ids

    def restart(self, down_seconds: float) -> None:
        """Restart as a gateway does at night: requests not yet handled and answers not yet sent are lost.

        Connections are refused for `down_seconds`; orders, ids and money are those of the state that was saved.
        """
        if self._server is not None:
            self._server.close()
        self.drop_clients()
        loop = asyncio.get_running_loop()
        loop.call_later(down_seconds, lambda: self._reopened.append(loop.create_task(self.listen(self.port))))

    # --- requests -------------------------------------------------------------------------------

    def refuse_if_unable(self) -> None:
        """Raise the `Refusal` of a gateway that takes no orders now."""
        if self.is_read_only:
            raise Refusal(321, "Error validating request.-'bF' : cause - The API interface is in Read-Only mode.")
        if not self.is_connected:
            raise Refusal(1100, "Connectivity between IB and Trader Workstation has been lost.")

    def place(self, client_id: int, ticket: Ticket) -> None:
        """Place or change an order."""
        self.broker.place(client_id, ticket)
        self._publish()

    def cancel(self, client_id: int, order_id: int) -> None:
        """Cancel an order."""
        self.broker.cancel(client_id, order_id)
        self._publish()

    def swallow(self, client_id: int, order_id: int) -> None:
        """Use up the id of a placement and forget it: paper servers do that in a burst."""
        self.broker.burn(client_id, order_id)
        self._publish()

    def advance(self, to: datetime) -> int:
        """Move the simulated clock; bars seen."""
        seen = stepping.advance(self.broker, to)
        self._publish()
        return seen

    def halt(self, symbol: str, *, is_halted: bool) -> None:
        """Halt or release a symbol."""
        (self.broker.state.halted.add if is_halted else self.broker.state.halted.discard)(symbol)
        self._publish()

    def connectivity(self, code: int) -> None:
        """Tell every client that the gateway lost (1100) or regained (1101, 1102) the broker."""
        self.is_connected = code != 1100
        for session in self.sessions:
            session.error(-1, code, "Connectivity between IB and Trader Workstation has changed.")

    def is_today(self, at: datetime) -> bool:
        """Whether `at` lies on the broker's current day: a gateway forgets at midnight New York."""
        return at.astimezone(wire.EASTERN).date() == self.broker.state.clock.astimezone(wire.EASTERN).date()

    # --- telling --------------------------------------------------------------------------------

    def later(self, message: bytes, session: Session) -> None:
        """Send a commission report: at once, late or never, as the standing behaviour says."""
        wait_seconds = self.behaviour.commission_wait_seconds()
        if wait_seconds:
            asyncio.get_running_loop().call_later(wait_seconds, session.send_often, message)
        elif wait_seconds is not None:
            session.send_often(message)

    def _publish(self) -> None:
        self._save()
        for event in self.broker.take_events():
            for session in [s for s in self.sessions if s.client_id == event.order.client_id]:
                self._tell(session, event)

    def _tell(self, session: Session, event: Event) -> None:
        order = event.order
        if isinstance(event, OrderMessage):
            session.error(order.ticket.order_id, event.code, event.text)
        elif isinstance(event, OrderCancelled):
            heard_from = order.client_id if event.cancelled_by is None else event.cancelled_by
            session.send_often(wire.order_status(order, heard_from, order.average_price))
            session.error(order.ticket.order_id, 202, f"Order Canceled - reason:{event.reason}")
        elif isinstance(event, Executed):
            if self.behaviour.filled_before_execution:
                session.tell_order(order)
            session.send_often(wire.execution(order, event.execution, -1, session.version))
            if not self.behaviour.filled_before_execution:
                session.tell_order(order)
            self.later(wire.commission(event.execution), session)
        else:
            session.tell_order(order)

    def _save(self) -> None:
        if self._state_file is not None:
            persistence.save(self.broker.state, self._state_file)
