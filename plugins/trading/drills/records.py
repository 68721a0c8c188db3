"""What the two sides say: the gateway's own log, which is the judge, and the desk's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading.domain.fills import Fill
from trading.domain.instruments import BookId, Symbol
from trading.domain.orders import Order, OrderRef
from trading.drills.databases import alarms
from trading.drills.gateway_process import GatewayProcess
from trading.gateway.records import Status
from trading.ports import Intent, Store

EVERY_ORDER = 100_000
_DONE = frozenset({Status.FILLED.value, Status.CANCELLED.value, Status.INACTIVE.value})


@dataclass(frozen=True, slots=True)
class LoggedOrder:
    """An order that the gateway created. `remaining` in shares."""

    order_ref: OrderRef
    order_id: int
    client_id: int
    perm_id: int
    symbol: Symbol
    side: str
    remaining: Decimal
    is_live: bool
    is_staged: bool


@dataclass(frozen=True, slots=True)
class LoggedExecution:
    """An execution, at the gateway or as booked."""

    exec_id: str
    order_ref: OrderRef | None
    quantity: Decimal
    price: Decimal
    commission_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class GatewayLog:
    """Everything that the gateway ever did for the account."""

    orders: tuple[LoggedOrder, ...]
    executions: tuple[LoggedExecution, ...]
    positions: Mapping[Symbol, Decimal]
    cash_usd: Decimal


@dataclass(frozen=True, slots=True)
class DeskRows:
    """The book as the desk stores it.

    Attributes:
        alarms: names of the messages in the outbox.
    """

    orders: tuple[Order, ...]
    intents: Mapping[OrderRef, Intent]
    fills: tuple[Fill, ...]
    positions: Mapping[Symbol, Decimal]
    cash_usd: Decimal
    alarms: frozenset[str]


def read_gateway(gateway: GatewayProcess) -> GatewayLog:
    """Ask the control socket for the gateway's own log."""
    state = gateway.tell("state")["state"]
    orders = tuple(map(_order, state["orders"]))
    refs = {o.perm_id: o.order_ref for o in orders}
    executions = tuple(
        LoggedExecution(
            e["exec_id"], refs[e["perm_id"]], Decimal(e["quantity"]), Decimal(e["price"]), Decimal(e["commission_usd"])
        )
        for e in state["executions"]
    )
    held = {symbol: Decimal(h["quantity"]) for symbol, h in state["holdings"].items()}
    return GatewayLog(orders, executions, {s: q for s, q in held.items() if q}, Decimal(state["cash_usd"]))


def _order(plain: Mapping[str, Any]) -> LoggedOrder:
    ticket = plain["ticket"]
    return LoggedOrder(
        order_ref=ticket["order_ref"],
        order_id=ticket["order_id"],
        client_id=plain["client_id"],
        perm_id=plain["perm_id"],
        symbol=ticket["symbol"],
        side=ticket["action"],
        remaining=Decimal(ticket["quantity"]) - Decimal(plain["filled"]),
        is_live=plain["status"] not in _DONE and not plain["is_staged"],
        is_staged=plain["is_staged"],
    )


def read_desk(store: Store, url: str, book: BookId, at: datetime) -> DeskRows:
    """Read the book."""
    with store.transaction() as tx:
        orders = tx.orders.recent(book, EVERY_ORDER)
        portfolio = tx.ledger.portfolio(book, at)
        fills, intents = tx.ledger.fills(book), tx.orders.intents([o.order_id for o in orders])
    positions = {s: p.quantity for s, p in portfolio.positions.items() if p.quantity}
    return DeskRows(orders, intents, fills, positions, portfolio.cash_usd, alarms(url))
