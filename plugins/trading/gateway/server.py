"""The gateway process: sessions, event delivery, persistence before every acknowledgement. Loopback only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, time
from pathlib import Path

from trading.domain.instruments import Instrument
from trading.gateway import stepping
from trading.gateway.behaviour import Behaviour, Draws
from trading.gateway.broker import PaperBroker
from trading.gateway.delivery import Delivery
from trading.gateway.faults import Faults
from trading.gateway.listings import EASTERN, Listings
from trading.gateway.persistence import StateFile
from trading.gateway.quotes import Market
from trading.gateway.records import Refusal, Ticket
from trading.gateway.requests.market import tell_ticks
from trading.gateway.session import Session
from trading.gateway.wire import orders as wire

LOOPBACK = "127.0.0.1"
LOST = frozenset({1100, 2110})
SYSTEM_MESSAGES = {
    1100: "Connectivity between IB and Trader Workstation has been lost.",
    1101: "Connectivity between IB and Trader Workstation has been restored - data lost.",
    1102: "Connectivity between IB and Trader Workstation has been restored - data maintained.",
    2103: "Market data farm connection is broken:SIMULATED",
    2104: "Market data farm connection is OK:SIMULATED",
    2105: "HMDS data farm connection is broken:SIMULATED",
    2106: "HMDS data farm connection is OK:SIMULATED",
    2110: "Connectivity between Trader Workstation and server is broken. It will be restored automatically.",
}
"""System messages of the gateway by code; only 1100 and 2110 mean that the broker is out of reach."""


class Gateway:
    """The broker behind sockets.

    Attributes:
        is_read_only: orders get 321, as in a TWS with the read-only box ticked.
        is_connected: False between 1100 (or 2110) and 1101 or 1102.
        flex_errors: codes with which the next statements fail, one each.
        has_live_data: False for an account without market data subscriptions: 354, or delayed data.
    """

    def __init__(
        self, broker: PaperBroker, state_file: Path | None = None, instruments: Iterable[Instrument] = ()
    ) -> None:
        self.broker = broker
        self.listings = Listings(broker.feed.symbols, instruments)
        self.market = Market(broker.state, broker.feed, broker.calendar, broker.costs)
        self.faults = Faults()
        self.behave(Behaviour())
        self.sessions: list[Session] = []
        self.is_read_only = False
        self.is_connected = True
        self.has_live_data = True
        self.flex_errors: list[int] = []
        self._delivery = Delivery(self)
        self._file = None if state_file is None else StateFile(state_file)
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
        if self._file is not None:
            self._file.close()

    def drop_clients(self) -> None:
        """Disconnect everybody; what they had in the pipe is lost, as in a nightly restart."""
        for session in list(self.sessions):
            session.stop()

    def behave(self, behaviour: Behaviour) -> None:
        """Misbehave like this from now on."""
        self.behaviour = behaviour
        self.draws = Draws(behaviour)
        self.broker.keep_rejected_ids(is_kept=behaviour.keeps_rejected_ids)

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
            raise Refusal(1100, SYSTEM_MESSAGES[1100])

    def place(self, session: Session, ticket: Ticket) -> None:
        """Place or change an order, or answer what it would do."""
        if ticket.is_what_if:
            impact = self.broker.what_if(session.client, ticket)
            listing = self.listings[ticket.symbol]
            session.send(wire.what_if(ticket, session.client, listing, session.version, impact))
            return
        self.broker.place(session.client, ticket)
        self.publish()

    def cancel(self, client_id: int, order_id: int) -> None:
        """Cancel an order."""
        self.broker.cancel(client_id, order_id)
        self.publish()

    def cancel_everything(self, client_id: int) -> None:
        """Cancel every live order, whoever placed it."""
        self.broker.cancel_all(client_id)
        self.publish()

    def swallow(self, client_id: int, order_id: int) -> None:
        """Use up the id of a placement and forget it: paper servers do that in a burst."""
        self.broker.burn(client_id, order_id)
        self.publish()

    def advance(self, to: datetime, *, whole_bars: bool = False) -> int:
        """Move the simulated clock; bars seen. With `whole_bars` one that still runs at `to` is left for later."""
        seen = stepping.advance(self.broker, to, whole_bars=whole_bars)
        self.publish()
        return seen

    def halt(self, symbol: str, *, is_halted: bool) -> None:
        """Halt or release a symbol."""
        (self.broker.state.halted.add if is_halted else self.broker.state.halted.discard)(symbol)
        self.publish()

    def connectivity(self, code: int) -> None:
        """Tell every client one of `SYSTEM_MESSAGES`."""
        if code in LOST | {1101, 1102}:
            self.is_connected = code not in LOST
        for session in self.sessions:
            session.error(-1, code, SYSTEM_MESSAGES[code])

    def day_began_at(self) -> datetime:
        """Return the last midnight in New York: what ended before it, a gateway has forgotten."""
        return datetime.combine(self.broker.state.clock.astimezone(EASTERN).date(), time(), EASTERN)

    # --- telling --------------------------------------------------------------------------------

    def later(self, message: bytes, session: Session) -> None:
        """Send a commission report: at once, late or never, as the standing behaviour says."""
        wait_seconds = self.behaviour.commission_wait_seconds()
        if wait_seconds:
            asyncio.get_running_loop().call_later(wait_seconds, session.send_often, message)
        elif wait_seconds is not None:
            session.send_often(message)

    def publish(self) -> None:
        """Save what changed, then tell everybody whom it concerns."""
        self._save()
        for event in self.broker.take_events():
            self._delivery.tell(event)
        self._delivery.tell_subscribers()
        for session in self.sessions:
            for watch in session.watches.values():
                tell_ticks(session, watch)

    def _save(self) -> None:
        if self._file is not None:
            self._file.write(self.broker.state)
