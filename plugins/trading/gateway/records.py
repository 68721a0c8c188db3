"""What the paper gateway remembers: tickets, orders, executions, holdings. Data only; the broker changes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
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
    PENDING_CANCEL = "PendingCancel"
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
        action: BUY or SELL. order_type: MKT, LMT, STP or TRAIL. tif: DAY, GTC, GTD, OPG, IOC or FOK; empty lets the
            account's preset decide (DAY), which is told with 10349.
        account: empty means the only account.
        limit_price, aux_price, trail_stop_price: USD/share; None where not given.
        trail_percent: distance of a trailing stop, 0–100.
        good_till: end of a GTD order, aware UTC.
        oca_type: what a fill does to the rest of `oca_group`: 1 cancels, 2 and 3 reduce by the shares filled.
        is_what_if: only asks what the order would do to the account; see `PaperBroker.what_if`.
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
    oca_type: int = 3
    is_what_if: bool = False


@dataclass(slots=True)
class GatewayOrder:
    """One order at the gateway.

    Attributes:
        ticket: the newest request; its quantity shrinks where a one-cancels-all group reduces the order.
        is_staged: received with transmit off; nobody is told about it.
        created_at: when the gateway accepted it.
        activated_at: since when it works; None while it is staged or waits for its parent.
        expires_at: None for GTC.
        auto_cancel_at: when the broker ends a GTC order by itself; None for others.
        is_triggered: a stop that filled in part goes on as a market order.
        filled_bar_at: start of the bar of the latest fill; an order fills at most once a bar.
        commission_usd: charged so far; the schedule's minimum counts once an order.
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
    created_at: datetime | None = None
    auto_cancel_at: datetime | None = None
    stop_price: Decimal | None = None
    is_triggered: bool = False
    filled: Decimal = ZERO
    average_price: Decimal = ZERO
    commission_usd: Decimal = ZERO
    filled_bar_at: datetime | None = None
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
        return ",".join(["child"] * bool(waits) + ["trigger"] * (self.is_stop and not self.is_triggered))


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill.

    Attributes:
        price, average_price: USD/share.
        realized_usd: gain of the shares that it closed, after commission; None where it only opened.
    """

    exec_id: str
    perm_id: int
    quantity: Decimal
    price: Decimal
    cumulative: Decimal
    average_price: Decimal
    commission_usd: Decimal
    executed_at: datetime
    realized_usd: Decimal | None = None


@dataclass(slots=True)
class Holding:
    """Shares of one symbol, their average cost [USD/share] and what its sales gained so far [USD]."""

    quantity: Decimal = ZERO
    average_cost: Decimal = ZERO
    realized_usd: Decimal = ZERO


class CashKind(StrEnum):
    """Why cash moved without a trade."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    DIVIDEND = "dividend"
    CASH_IN_LIEU = "cash_in_lieu"
    INTEREST = "interest"
    FEE = "fee"


@dataclass(frozen=True, slots=True)
class CashItem:
    """Cash that moved without a trade.

    Attributes:
        item_id: 1, 2, 3 … in the order of booking.
        amount_usd: negative for what was taken.
        symbol: whose dividend or fraction it is; None for the account's own items.
    """

    item_id: int
    kind: CashKind
    amount_usd: Decimal
    booked_at: datetime
    text: str
    symbol: Symbol | None = None


@dataclass(frozen=True, slots=True)
class SplitDone:
    """A split that the account took over. `ratio` is new shares per old share; shares are those after it."""

    symbol: Symbol
    ratio: Decimal
    quantity: Decimal
    applied_at: datetime


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Sale proceeds that a cash account may spend from `settles_on` on."""

    settles_on: date
    amount_usd: Decimal


@dataclass(frozen=True, slots=True)
class ScriptedQuote:
    """The market of a symbol as a script says; USD/share, None where nothing is shown.

    Attributes:
        is_halted: None when nothing is said about it.
    """

    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    is_delayed: bool = False
    is_halted: bool | None = False


@dataclass(slots=True)
class BrokerState:
    """Everything that survives a restart.

    Attributes:
        clock: the simulated present, aware UTC.
        next_ids: next valid order id by client id; kept over reconnects and restarts.
        orders, executions, cash_items, splits: in the order in which they came; only live orders still change.
        fill_caps: most shares of a symbol that one bar or quote fills; absent means all.
        quotes: scripted markets; they stand in for the feed's bars.
        unsettled: sale proceeds on their way, cash accounts only.
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
    cash_items: list[CashItem] = field(default_factory=list)
    splits: list[SplitDone] = field(default_factory=list)
    fill_caps: dict[Symbol, Decimal] = field(default_factory=dict)
    quotes: dict[Symbol, ScriptedQuote] = field(default_factory=dict)
    unsettled: list[Unsettled] = field(default_factory=list)
