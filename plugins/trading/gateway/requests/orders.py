"""Placing and cancelling, open and completed orders, executions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trading.gateway.records import Execution, GatewayOrder, Refusal
from trading.gateway.requests import Handler
from trading.gateway.requests.contracts import NO_DEFINITION
from trading.gateway.wire import orders as wire
from trading.gateway.wire.frames import Request, frame
from trading.gateway.wire.tickets import read_instant, read_ticket

if TYPE_CHECKING:
    from trading.gateway.session import Session


def place_order(session: Session, request: Request) -> None:
    """Place or change an order, or say what it would do."""
    order_id = session.about(request.whole())
    session.gateway.refuse_if_unable()
    query, ticket = read_ticket(order_id, request, session.version)
    listing = session.gateway.listings.find(query.con_id, query.symbol, query.kind, query.exchange, query.currency)
    if listing is None or listing.kind != "STK":
        raise Refusal(200, NO_DEFINITION)
    session.gateway.place(session, ticket)


def cancel_order(session: Session, request: Request) -> None:
    """Cancel an order of this client or of another."""
    request.skip()
    order_id = session.about(request.whole())
    session.gateway.refuse_if_unable()
    session.gateway.cancel(session.client, order_id)


def cancel_everything(session: Session, request: Request) -> None:
    """Cancel the orders of every client."""
    session.gateway.refuse_if_unable()
    session.gateway.cancel_everything(session.client)


def open_orders(session: Session, request: Request) -> None:
    """Answer with this client's orders."""
    _tell_open(session, (o for o in session.broker.live() if o.client_id == session.client_id))


def all_open_orders(session: Session, request: Request) -> None:
    """Answer with every client's orders."""
    _tell_open(session, session.broker.live())


def auto_open_orders(session: Session, request: Request) -> None:
    """Orders made by hand are bound to client 0; here nobody makes any."""
    if session.client_id != 0:
        text = "Only the client with API client ID 0 may request auto open orders"
        raise Refusal(321, f"Error validating request.-'bQ' : cause - {text}")


def _tell_open(session: Session, orders: Iterable[GatewayOrder]) -> None:
    for order in list(orders):
        session.tell_order(order)
    session.send(frame(53, 1))


def completed_orders(session: Session, request: Request) -> None:
    """Answer with the orders that ended on the broker's current day; all came through the API."""
    for order in session.broker.done_since(session.gateway.day_began_at()):
        listing = session.gateway.listings[order.ticket.symbol]
        session.send(wire.completed_order(order, listing, order.parent_perm_id, session.version))
    session.send(frame(102))


def executions(session: Session, request: Request) -> None:
    """Answer with the executions of the broker's current day that pass the filter, and their commissions."""
    request.skip()
    request_id = session.about(request.whole())
    client_id, account = request.whole(), request.text()
    since = max(read_instant(request.text()) or session.gateway.day_began_at(), session.gateway.day_began_at())
    symbol, kind, exchange, side = (request.text() for _ in range(4))
    for done in session.broker.executed_since(since):
        order = session.broker.order(done.perm_id)
        listing = session.gateway.listings[order.ticket.symbol]
        wanted = (
            client_id in (0, order.client_id)
            and account in ("", order.ticket.account)
            and symbol in ("", order.ticket.symbol)
            and kind in ("", listing.kind)
            and exchange in ("", "SMART", listing.exchange)
            and side.upper() in ("", order.ticket.action, _side(order))
        )
        if wanted:
            _tell_execution(session, request_id, order, done)
    session.send(frame(55, 1, request_id))


def _tell_execution(session: Session, request_id: int, order: GatewayOrder, done: Execution) -> None:
    listing = session.gateway.listings[order.ticket.symbol]
    session.send(wire.execution(order, done, listing, request_id, session.version))
    session.gateway.later(wire.commission(done), session)


def _side(order: GatewayOrder) -> str:
    return "BOT" if order.ticket.action == "BUY" else "SLD"


HANDLERS: dict[int, Handler] = {
    3: place_order,
    4: cancel_order,
    5: open_orders,
    7: executions,
    15: auto_open_orders,
    16: all_open_orders,
    58: cancel_everything,
    99: completed_orders,
}
