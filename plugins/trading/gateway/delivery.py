"""Who hears of an event: the client that owns the order, one that cancelled it, and subscribers of the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading.gateway.account_view import standing
from trading.gateway.events import Event, Executed, OrderCancelled, OrderMessage
from trading.gateway.requests.account import tell_account, tell_positions
from trading.gateway.wire import orders as wire

if TYPE_CHECKING:
    from trading.gateway.server import Gateway
    from trading.gateway.session import Session


class Delivery:
    """Turns the broker's events into messages."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def tell(self, event: Event) -> None:
        """Tell the clients whom the event concerns."""
        concerned = {event.order.client_id}
        if isinstance(event, OrderCancelled) and event.cancelled_by is not None:
            concerned.add(event.cancelled_by)
        for session in [s for s in self._gateway.sessions if s.client_id in concerned]:
            self._tell_client(session, event)

    def _tell_client(self, session: Session, event: Event) -> None:
        order = event.order
        if isinstance(event, OrderMessage):
            session.error(order.ticket.order_id, event.code, event.text)
        elif isinstance(event, OrderCancelled):
            heard_from = order.client_id if event.cancelled_by is None else event.cancelled_by
            session.send_often(wire.order_status(order, heard_from, order.average_price))
            session.error(order.ticket.order_id, 202, f"Order Canceled - reason:{event.reason}")
        elif isinstance(event, Executed):
            self._tell_execution(session, event)
        else:
            session.tell_order(order)

    def _tell_execution(self, session: Session, event: Executed) -> None:
        listing = self._gateway.listings[event.order.ticket.symbol]
        execution = wire.execution(event.order, event.execution, listing, -1, session.version)
        if self._gateway.behaviour.filled_before_execution:
            session.tell_order(event.order)
            session.send_often(execution)
        else:
            session.send_often(execution)
            session.tell_order(event.order)
        self._gateway.later(wire.commission(event.execution), session)

    def tell_subscribers(self) -> None:
        """Send account and positions to subscribers, if trades, splits or cash changed them since the last time."""
        now = standing(self._gateway.broker.state)
        for session in self._gateway.sessions:
            if session.account_told in (now, None):
                continue
            session.account_told = now
            if session.hears_positions:
                tell_positions(session)
            if session.hears_account:
                tell_account(session)
