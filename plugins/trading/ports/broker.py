"""The broker: connections, snapshots, submissions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from trading.domain.fills import Fill
from trading.domain.instruments import BookId, Symbol
from trading.domain.market import Quote
from trading.domain.orders import Order, OrderEvent, OrderRef, OrderStatus, Side


class BrokerRole(StrEnum):
    """Who connects; each role has one fixed client id, and only WRITER places orders."""

    WRITER = "writer"
    DATA = "data"
    RECONCILER = "reconciler"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class BrokerIdentity:
    """Who answered the connection.

    Attributes:
        accounts: managed accounts, as the broker lists them.
        is_simulated: whether the server declares itself SIMULATED (its clock may then be set).
        server_now: the broker's own time.
        client_id: the fixed id under which this connection writes; order ids are reserved per client.
    """

    accounts: tuple[str, ...]
    is_simulated: bool
    server_now: datetime
    client_id: int


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """One order as the broker knows it.

    Attributes:
        order_ref: our reference; None for foreign activity.
        api_order_id: per-client order id; None in completed orders, and for one made by hand.
        perm_id: the broker's permanent id.
        client_id: whose order it is; None where the broker does not say (completed orders).
        detail: why it ended, in the broker's words.
        stop_price: where a trailing stop stands, or stood when it ended [USD/share]; None where the broker says none.
    """

    order_ref: OrderRef | None
    api_order_id: int | None
    perm_id: int
    symbol: Symbol
    status: OrderStatus
    quantity: Decimal
    filled_quantity: Decimal
    side: Side
    client_id: int | None = None
    detail: str | None = None
    stop_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class BrokerSnapshot:
    """Everything the broker knows; it exists only if every end marker was seen.

    Attributes:
        orders: open and completed orders, open ones first.
        fills: executions of the broker's day, commission None until reported.
        positions: shares by symbol, zero positions left out.
        cash_usd: total cash. settled_cash_usd: what a cash account may spend today; None where it is no cash account.
        account_type: the broker's word for it; None where it does not say.
        may_lack_orders: the gateway was without the broker while it answered, so that what it does not list may work
            all the same. What it does list counts.
        next_order_id: highest id the broker has seen from this client, plus one.
        taken_at: the broker's time.
    """

    account: str
    orders: tuple[BrokerOrder, ...]
    fills: tuple[Fill, ...]
    positions: Mapping[Symbol, Decimal]
    cash_usd: Decimal
    next_order_id: int
    taken_at: datetime
    settled_cash_usd: Decimal | None = None
    account_type: str | None = None
    may_lack_orders: bool = False

    def find(self, order_ref: OrderRef) -> BrokerOrder | None:
        """Return the order that carries our reference, or None."""
        return next((o for o in self.orders if o.order_ref == order_ref), None)


@dataclass(frozen=True, slots=True)
class ReservedLeg:
    """An order leg with the broker id that was committed for it before sending."""

    order: Order
    reserved_id: int


class Broker(Protocol):
    """One connection with one fixed client id. Every method raises `TransientError` on silence, never returns less."""

    def identity(self) -> BrokerIdentity:
        """Return who we talk to."""
        ...

    def snapshot(self, book: BookId) -> BrokerSnapshot:
        """Return everything the broker knows, with all end markers seen."""
        ...

    def submit(self, family: Sequence[ReservedLeg]) -> tuple[OrderEvent, ...]:
        """Send a family (parent first, then its protection) under its reserved ids and wait for each acknowledgement.

        Legs without a parent among them cancel one another. An id whose order is open changes that order; if the
        change is refused or comes too late, the event's detail says so. An event tells that an order exists or was
        never created; how it ends is told by snapshots alone.

        Raises:
            BrokerRefused: this role places no orders; nothing was sent.
            TransientError: orders may not travel now; nothing was sent.
            OutcomeUnknown: no acknowledgement came; a snapshot decides.
        """
        ...

    def cancel(self, reserved_ids: Sequence[int]) -> None:
        """Ask for the cancellation of the writer's orders; the next snapshot says what became of them.

        Raises:
            BrokerRefused: neither writer nor operator asks.
            TransientError: cancellations may not travel now.
        """
        ...

    def quotes(self, symbols: Sequence[Symbol]) -> Mapping[Symbol, Quote]:
        """Return the market of each symbol now; one that the broker shows nothing for has only None in it."""
        ...

    def refusal(self, symbol: Symbol) -> str | None:
        """Return the broker's words against buying one share; None if it has nothing against it. Nothing is ordered."""
        ...

    def advance_clock(self, to: datetime) -> None:
        """Move a SIMULATED broker's clock forward to `to`; a real broker refuses with `BrokerRefused`."""
        ...


class BrokerGate(Protocol):
    """Opens broker connections; a replay has none."""

    def connect(self, role: BrokerRole = BrokerRole.WRITER) -> AbstractContextManager[Broker]:
        """Open the one connection of `role`. A client id in use is waited for, never replaced."""
        ...
