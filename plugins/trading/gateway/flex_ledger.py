"""The account's trades by FIFO, worked out from the executions alone: what a statement knows beyond the gateway.

Written apart from `accounting`, so that a statement is a second opinion about the desk's own lots.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from trading.domain.instruments import Symbol
from trading.domain.money import ZERO
from trading.gateway.broker import PaperBroker
from trading.gateway.listings import EASTERN
from trading.gateway.records import Execution, GatewayOrder, SplitDone


@dataclass(slots=True)
class OpenLot:
    """Shares bought together; `cost_per_share` [USD] includes the commission."""

    quantity: Decimal
    cost_per_share: Decimal
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class BookedTrade:
    """One execution in the statement's numbers.

    Attributes:
        number: 1, 2, 3 … over the account's life.
        signed_quantity: negative for a sale.
        cost_usd: basis of what it opened (positive) or closed (negative).
        fifo_pnl_usd: gain of what it closed; 0 where it only opened.
        is_closing: whether it closed shares.
    """

    number: int
    order: GatewayOrder
    execution: Execution
    signed_quantity: Decimal
    cost_usd: Decimal
    fifo_pnl_usd: Decimal
    is_closing: bool

    @property
    def proceeds_usd(self) -> Decimal:
        """What it brought before commission; negative for a purchase."""
        return -self.signed_quantity * self.execution.price

    @property
    def net_cash_usd(self) -> Decimal:
        """What it did to cash."""
        return self.proceeds_usd - self.execution.commission_usd


def new_york_day(at: datetime) -> date:
    """Return the New York date of an instant."""
    return at.astimezone(EASTERN).date()


class FlexLedger:
    """Trades and lots up to the end of a day.

    Attributes:
        trades: every trade of the account's life up to that day.
        lots: what is open at its end.
    """

    def __init__(self, broker: PaperBroker, through: date) -> None:
        self.trades: list[BookedTrade] = []
        self.lots: dict[Symbol, deque[OpenLot]] = {}
        self._broker = broker
        for event in _in_order(broker, through):
            if isinstance(event, SplitDone):
                self._split(event)
            else:
                self._book(event)

    def _split(self, split: SplitDone) -> None:
        for lot in self.lots.get(split.symbol, ()):
            lot.quantity *= split.ratio
            lot.cost_per_share /= split.ratio

    def _book(self, done: Execution) -> None:
        order = self._broker.order(done.perm_id)
        lots = self.lots.setdefault(order.ticket.symbol, deque())
        if order.ticket.action == "BUY":
            cost, pnl, signed = done.quantity * done.price + done.commission_usd, ZERO, done.quantity
            lots.append(OpenLot(done.quantity, cost / done.quantity, done.executed_at))
        else:
            basis = _take(lots, done.quantity)
            cost, signed = -basis, -done.quantity
            pnl = done.quantity * done.price - done.commission_usd - basis
        is_closing = signed < 0
        self.trades.append(BookedTrade(len(self.trades) + 1, order, done, signed, cost, pnl, is_closing))


def _in_order(broker: PaperBroker, through: date) -> Iterator[Execution | SplitDone]:
    """Yield executions and splits up to a day; at one instant a split comes first."""
    events: list[tuple[datetime, int, Execution | SplitDone]] = [(s.applied_at, 0, s) for s in broker.state.splits]
    events += [(e.executed_at, 1, e) for e in broker.state.executions]
    for at, _, event in sorted(events, key=lambda item: item[:2]):
        if new_york_day(at) <= through:
            yield event


def _take(lots: deque[OpenLot], quantity: Decimal) -> Decimal:
    """Remove shares from the oldest lots and return their basis; shares that nobody bought cost nothing."""
    basis, left = ZERO, quantity
    while left and lots:
        lot = lots[0]
        taken = min(left, lot.quantity)
        basis += taken * lot.cost_per_share
        left -= taken
        lot.quantity -= taken
        if not lot.quantity:
            lots.popleft()
    return basis
