"""Desk: what a pre-trade check may know about the book and the market."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from trading.domain.instruments import Sector, Symbol
from trading.domain.orders import Order, Side
from trading.domain.portfolio import TradingState


@dataclass(frozen=True, slots=True)
class Desk:
    """Facts at one instant; quantities in shares, money in USD.

    Attributes:
        now: the decision's cutoff, or the broker's time at send.
        closes_at: end of the session; None while the market is closed.
        nav_usd: None when a held symbol has no price.
        vix: index points; None when unknown, which blocks entries.
        held: shares by symbol. prices: last raw price. sectors: sleeve by symbol.
        working: symbols with an entry, exit or trim that is not done.
        wash_until: last day on which a purchase would wash a realised loss.
        unfit: symbols whose price is missing, stale or parked, with the reason.
        orders_today: orders that left for the broker in this session.
    """

    now: datetime
    session_on: date
    state: TradingState
    closes_at: datetime | None
    nav_usd: float | None
    cash_usd: Decimal
    vix: float | None
    held: Mapping[Symbol, Decimal] = field(default_factory=dict)
    prices: Mapping[Symbol, float] = field(default_factory=dict)
    sectors: Mapping[Symbol, Sector] = field(default_factory=dict)
    working: frozenset[Symbol] = frozenset()
    wash_until: Mapping[Symbol, date] = field(default_factory=dict)
    unfit: Mapping[Symbol, str] = field(default_factory=dict)
    orders_today: int = 0

    def value_usd(self, symbol: Symbol) -> float:
        """Return what the shares held of `symbol` are worth; 0 without a price."""
        return float(self.held.get(symbol, 0)) * self.prices.get(symbol, 0.0)

    def sector_value_usd(self, sector: Sector) -> float:
        """Return what the sleeve is worth."""
        return sum(self.value_usd(s) for s in self.held if self.sectors.get(s) is sector)

    def after(self, order: Order) -> Desk:
        """Return the desk as if a buy were filled at its worst price; sales free nothing until they are filled."""
        if order.side is Side.SELL:
            return replace(self, orders_today=self.orders_today + 1)
        cost = order.quantity * worst_price(order, self)
        held = {**self.held, order.symbol: self.held.get(order.symbol, Decimal(0)) + order.quantity}
        return replace(
            self,
            cash_usd=self.cash_usd - cost,
            held=held,
            working=self.working | {order.symbol},
            orders_today=self.orders_today + 1,
        )


def worst_price(order: Order, desk: Desk) -> Decimal:
    """Return the dearest price a buy may fill at [USD/share]: its limit, else the last price."""
    return order.limit_price if order.limit_price is not None else Decimal(repr(desk.prices.get(order.symbol, 0.0)))


class Applies(StrEnum):
    """Which orders a check judges: reducing orders face only what may not stop a way out."""

    ENTRY = "entry"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Veto:
    """A denied order, with its numbers.

    Attributes:
        code: e.g. "SECTOR_CAP".
    """

    order: Order
    code: str
    detail: str
