"""Account values, positions, the portfolio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading.gateway.account_view import account_values, portfolio, standing
from trading.gateway.records import MARKER_TAG
from trading.gateway.requests import Handler, ignore
from trading.gateway.wire import account as wire
from trading.gateway.wire.frames import Request

if TYPE_CHECKING:
    from trading.gateway.session import Session


def account_updates(session: Session, request: Request) -> None:
    """Answer with values, portfolio and time, and go on after each change until told to stop."""
    request.skip()
    session.hears_account = request.flag()
    session.account_told = standing(session.broker.state)
    if session.hears_account:
        tell_account(session)
        session.send(wire.account_download_end(session.broker.state.account))


def tell_account(session: Session) -> None:
    """Send every value and holding; a holding that was closed comes once more with quantity 0."""
    broker = session.broker
    for value in account_values(broker):
        session.send(wire.account_value(value, broker.state.account))
    for item in portfolio(broker, session.gateway.listings):
        session.send(wire.portfolio(item, broker.state.account))
    session.send(wire.account_time(broker.state.clock))


def account_updates_multi(session: Session, request: Request) -> None:
    """Answer with the values under a request id."""
    request.skip()
    request_id, broker = request.whole(), session.broker
    for value in account_values(broker):
        session.send(wire.account_update_multi(request_id, value, broker.state.account))
    session.send(wire.account_update_multi_end(request_id))


def account_summary(session: Session, request: Request) -> None:
    """Answer with the tags asked for, and always with the mark of a simulated account."""
    request.skip()
    request_id, _group, tags = request.whole(), request.text(), request.text().split(",")
    for value in account_values(session.broker):
        if value.tag in tags or "All" in tags or value.tag == MARKER_TAG:
            session.send(wire.account_summary(request_id, value, session.broker.state.account))
    session.send(wire.account_summary_end(request_id))


def positions(session: Session, request: Request) -> None:
    """Answer with the holdings, and go on after each change until told to stop."""
    session.hears_positions = True
    session.account_told = standing(session.broker.state)
    tell_positions(session)
    session.send(wire.position_end())


def tell_positions(session: Session) -> None:
    """Send every holding; one that was closed comes with quantity 0."""
    for item in portfolio(session.broker, session.gateway.listings):
        session.send(wire.position(item, session.broker.state.account))


def cancel_positions(session: Session, request: Request) -> None:
    """Send no more positions."""
    session.hears_positions = False


def positions_multi(session: Session, request: Request) -> None:
    """Answer with the holdings under a request id."""
    request.skip()
    request_id, broker = request.whole(), session.broker
    for item in portfolio(broker, session.gateway.listings):
        session.send(wire.position_multi(request_id, item, broker.state.account))
    session.send(wire.position_multi_end(request_id))


HANDLERS: dict[int, Handler] = {
    6: account_updates,
    61: positions,
    62: account_summary,
    63: ignore,  # the summary is not repeated, so there is nothing to cancel
    64: cancel_positions,
    74: positions_multi,
    75: ignore,
    76: account_updates_multi,
    77: ignore,
}
