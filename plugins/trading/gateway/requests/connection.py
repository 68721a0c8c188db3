"""Start of a session, ids, time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trading.gateway.requests import Handler, ignore
from trading.gateway.wire import account
from trading.gateway.wire.frames import Request

if TYPE_CHECKING:
    from trading.gateway.session import Session

FARMS = (
    (2104, "Market data farm connection is OK:SIMULATED"),
    (2106, "HMDS data farm connection is OK:SIMULATED"),
    (2158, "Sec-def data farm connection is OK:SIMULATED"),
)
ID_IN_USE = "Unable to connect as the client id is already in use. Retry with a unique client id."


def start_api(session: Session, request: Request) -> None:
    """Take the client in under its id, or refuse it with 326: two clients never share an id."""
    request.skip()
    wanted = request.whole()
    if any(other.client_id == wanted for other in session.gateway.sessions):
        session.error(-1, 326, ID_IN_USE)
        session.hang_up()
        return
    session.client_id = wanted
    managed_accounts(session, request)
    next_id(session, request)
    for code, text in FARMS:
        session.error(-1, code, text)


def managed_accounts(session: Session, request: Request) -> None:
    """Answer with the one account."""
    session.send(account.managed_accounts(session.broker.state.account))


def next_id(session: Session, request: Request) -> None:
    """Answer with the next valid order id of this client."""
    session.send(account.next_valid_id(session.broker.next_id(session.client)))


def current_time(session: Session, request: Request) -> None:
    """Answer with the simulated present."""
    session.send(account.current_time(session.broker.state.clock))


HANDLERS: dict[int, Handler] = {
    8: next_id,
    12: ignore,  # news bulletins: there are none
    13: ignore,
    14: ignore,  # server log level
    17: managed_accounts,
    49: current_time,
    71: start_api,
}
