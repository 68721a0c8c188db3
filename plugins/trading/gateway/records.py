"""What the paper gateway remembers: tickets, orders, executions, holdings. Data only; `broker.py` changes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from trading.domain.instruments import Symbol
from trading.domain.money import ZERO

LABEL = "SIMULATED"
"""Carried by the banner, by every control answer and by the account value `MARKER_TAG`."""
MARKER_TAG = "AirdeskSimulated"
"""Account value that a real broker never sends: our adapter recognises the paper gateway by it."""


class Status(StrEnum):
    """Order status in the broker's own words."""

    PRE_SUBMITTED = "PreSubmitted"
    SUBMITTED = "Submitted"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    INACTIVE = "Inactive"


DONE = frozenset({Status.FILLED, Status.CANCELLED, Status.INACTIVE})


class Refusal(Exception):
    """A request that the gateway answers with an error message of IB's numbering.

    Attributes:
        code: IB message code.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Ticket:
    """One placeOrder request, in the broker's words.

    Attributes:
        order_id: id of the client that sent it. parent_id: 0 for a stand-alone order.
        action: BUY or SELL. order_type: MKT, LMT, STP or TRAIL. tif: DAY, GTC, OPG or GTD.
        limit_price, aux_price, trail_stop_price: USD/share; None where not given.
        trail_percent: distance of a trailing stop, 0–100.
        good_till: end of a GTD order, aware UTC.
        transmit: False holds the order back until a member of its family is transmitted.
    """

    order_id: int
    symbol: Symbol
    action: str
    quantity: Decimal
    order_type: str
    tif: str
    account: str
    order_ref: str = ""
    parent_id: int = 0
    oca_group: str = ""
    transmit: bool = True
    limit_price: Decimal | None = None
    aux_price: Decimal | None = None
    trail_stop_price: Decimal | None = None
    trail_percent: Decimal | None = None
    good_till: datetime | None = None


@dataclass(slots=True)
class GatewayOrder:
    """One order at the gateway.

    Attributes:
        is_staged: received with transmit off; nobody is told about it.
        activated_at: since when it works; None while it is staged or waits for its parent.
        expires_at: None for GTC.
        stop_price: where a stop stands now; None for other types and before activation.
        done_at, done_text: when and how it ended; None while it works.
    """

    ticket: Ticket
    client_id: int
    perm_id: int
    expires_at: datetime | None
    status: Status = Status.PRE_SUBMITTED
    is_staged: bool = False
    parent_perm_id: int = 0
    activated_at: datetime | None = None
    stop_price: Decimal | None = None
    filled: Decimal = ZERO
    average_price: Decimal = ZERO
    done_at: datetime | None = None
    done_text: str | None = None

    @property
    def is_done(self) -> bool:
        """Whether the order can change no more."""
        return self.status in DONE

    @property
    def is_stop(self) -> bool:
        """Whether the order waits for a trigger."""
        return self.ticket.order_type in ("STP", "TRAIL")

    @property
    def remaining(self) -> Decimal:
        """Shares not yet filled."""
        return self.ticket.quantity - self.filled

    @property
    def why_held(self) -> str:
        """The broker's reason for PreSubmitted."""
        if self.is_done:
            return ""
        waits = self.activated_at is None and self.parent_perm_id
        return ",".join(["child"] * bool(waits) + ["trigger"] * self.is_stop)


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill. `commission_usd` in USD, `price` in USD/share."""

    exec_id: str
    perm_id: int
    quantity: Decimal
    price: Decimal
    cumulative: Decimal
    average_price: Decimal
    commission_usd: Decimal
    executed_at: datetime


@dataclass(slots=True)
class Holding:
    """Shares of one symbol and their average cost [USD/share]."""

    quantity: Decimal = ZERO
    average_cost: Decimal = ZERO


@dataclass(slots=True)
class BrokerState:
    """Everything that survives a restart.

    Attributes:
        clock: the simulated present, aware UTC.
        next_ids: next valid order id by client id; kept over reconnects and restarts.
    """

    account: str
    cash_usd: Decimal
    clock: datetime
    last_perm_id: int = 1_426_086_000
    next_ids: dict[int, int] = field(default_factory=dict)
    orders: list[GatewayOrder] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    holdings: dict[Symbol, Holding] = field(default_factory=dict)
    halted: set[Symbol] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """Clients of the order hear its new status."""

    order: GatewayOrder


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """Clients of the order hear 202 with the reason."""

    order: GatewayOrder
    reason: str


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
