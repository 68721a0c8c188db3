"""What happened to orders and was not told yet. Each event holds a copy of its order from that moment."""

from __future__ import annotations

from dataclasses import dataclass

from trading.gateway.records import Execution, GatewayOrder


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """Clients of the order hear its new status."""

    order: GatewayOrder


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """Clients of the order hear 202 with the reason.

    Attributes:
        cancelled_by: client id of another client that cancelled it; the status carries that id then. None: the owner
            or the system.
    """

    order: GatewayOrder
    reason: str
    cancelled_by: int | None = None


@dataclass(frozen=True, slots=True)
class Executed:
    """Clients of the order hear the execution, the status and the commission."""

    order: GatewayOrder
    execution: Execution


@dataclass(frozen=True, slots=True)
class OrderMessage:
    """Clients of the order hear an error message about it."""

    order: GatewayOrder
    code: int
    text: str


type Event = OrderChanged | OrderCancelled | Executed | OrderMessage
