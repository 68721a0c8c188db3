"""What clients may ask: one handler per message id, grouped by subject.

A handler reads its fields, calls the broker through the gateway and answers on the session. Where it cannot, it raises
`Refusal`, and the session sends the error message about the id that the handler named with `session.about`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trading.gateway.records import Refusal
from trading.gateway.wire.frames import Request

if TYPE_CHECKING:
    from trading.gateway.session import Session

type Handler = Callable[[Session, Request], None]
"""(session, fields of the request without its message id)."""


def ignore(session: Session, request: Request) -> None:
    """Take a request that needs no answer."""


def refuse(session: Session, request: Request) -> None:
    """Refuse a message id that has no handler."""
    raise Refusal(320, "Error reading request: this message is not part of the SIMULATED gateway")
