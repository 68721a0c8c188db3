"""Desk: what a pre-trade check may know about the book and the market."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from trading.domain.fills import WashOutlook
from trading.domain.instruments import Sector, Symbol
from trading.domain.market import Quote
from trading.domain.orders import Order, OrderPurpose, OrderRef, Side
from trading.domain.portfolio import TradingState
from trading.domain.records import changed, quick

type Placement = tuple[str, Symbol, Side, OrderPurpose]
"""What a decision may do once: decision id, symbol, side and purpose."""
type SaleOutlook = Callable[[Symbol, Decimal, float], WashOutlook | None]
"""From symbol, shares and price [USD/share]; None where nothing held was bought in the last 30 days."""


@quick
@dataclass(frozen=True)
class Desk:
    """Facts at one instant; quantities in shares, money in USD.

    The first group is known wherever an order is judged. The second is known only at the moment of sending; a decision
    and a replay leave its defaults, which stop nothing.

    Attributes:
        now: the decision's cutoff, or the broker's time at send.
        closes_at: end of the session; None while the market is closed.
        nav_usd: None when a held symbol has no price.
        previous_nav_usd: at the previous session's close; None for a book that has none.
        vix: index points; None when unknown, which blocks entries.
        held: shares by symbol. prices: last raw price. sectors: sleeve by symbol.
        on_order_usd: buys under way at their worst price. leaving: shares in sales under way.
        working: symbols with an entry, exit or trim that is not done.
        wash_until: last day on which a purchase would wash a realised loss.
        sale_outlook: what a sale of so many shares at that price would do about wash sales.
        unfit: symbols whose price is missing, stale or parked, with the reason.
        daily_priced: symbols that trade at the next open; no quote of now says anything about it.
        untradable: symbols that an operator, or the desk itself, keeps out, with the reason.
        signal_only: symbols that this client may not buy, for want of a key information document.
        restricted: symbols on an operator's restricted list, with the reason.
        resting_until: last day on which a stopped symbol is not entered.
        guarded_until: last day of the stop-loss guard that holds now; None without one.
        tripped_on: session on which the drawdown breaker tripped; None while it is armed.
        orders_today, traded_today_usd: what left for the broker, and what was bought and sold, in this session.

        settled_cash_usd: what a cash account may spend today; None where the account is none.
        quotes: by symbol; None where nobody asked for quotes.
        placed: what the decision has sent already. at_broker: references that the broker lists.
        orders_last_minute: orders that left in the last minute.
        rejected: symbols whose entry the broker refused today, with its words.
        sendable_until: when the decision loses its right to send; None without such an instant.
        missing_for_live: sentences that name what a live book lacks.
        open_break: the difference between book and broker that keeps entries waiting.
        proven_at: newest clean comparison with the broker. proof_due_at: how young it must be; None asks for none.
        decided_by, running: code and strategy of the decision, and those of this process.
    """

    now: datetime
    session_on: date
    state: TradingState
    closes_at: datetime | None
    nav_usd: float | None
    cash_usd: Decimal
    vix: float | None
    previous_nav_usd: float | None = None
    held: Mapping[Symbol, Decimal] = field(default_factory=dict)
    prices: Mapping[Symbol, float] = field(default_factory=dict)
    sectors: Mapping[Symbol, Sector] = field(default_factory=dict)
    on_order_usd: Mapping[Symbol, float] = field(default_factory=dict)
    leaving: Mapping[Symbol, Decimal] = field(default_factory=dict)
    working: frozenset[Symbol] = frozenset()
    wash_until: Mapping[Symbol, date] = field(default_factory=dict)
    sale_outlook: SaleOutlook = field(default=lambda symbol, quantity, price: None)
    unfit: Mapping[Symbol, str] = field(default_factory=dict)
    daily_priced: frozenset[Symbol] = frozenset()
    untradable: Mapping[Symbol, str] = field(default_factory=dict)
    signal_only: frozenset[Symbol] = frozenset()
    restricted: Mapping[Symbol, str] = field(default_factory=dict)
    resting_until: Mapping[Symbol, date] = field(default_factory=dict)
    guarded_until: date | None = None
    tripped_on: date | None = None
    orders_today: int = 0
    traded_today_usd: float = 0.0

    settled_cash_usd: Decimal | None = None
    quotes: Mapping[Symbol, Quote] | None = None
    placed: frozenset[Placement] = frozenset()
    at_broker: frozenset[OrderRef] = frozenset()
    orders_last_minute: int = 0
    rejected: Mapping[Symbol, str] = field(default_factory=dict)
    sendable_until: datetime | None = None
    missing_for_live: tuple[str, ...] = ()
    open_break: str | None = None
    proven_at: datetime | None = None
    proof_due_at: datetime | None = None
    decided_by: str = ""
    running: str = ""

    def value_usd(self, symbol: Symbol) -> float:
        """Return what the shares of `symbol` that are held or on order are worth; 0 without a price."""
        return float(self.held.get(symbol, 0)) * self.prices.get(symbol, 0.0) + self.on_order_usd.get(symbol, 0.0)

    def sector_value_usd(self, sector: Sector) -> float:
        """Return what the sleeve is worth, buys under way included."""
        return sum(self.value_usd(s) for s in self._symbols() if self.sectors.get(s) is sector)

    def invested_usd(self) -> float:
        """Return what everything held or on order is worth."""
        return sum(self.value_usd(s) for s in self._symbols())

    def free_cash_usd(self) -> float:
        """Return what may still be spent: cash, and settled cash where that is less, without what is on order."""
        amounts = [float(c) for c in (self.cash_usd, self.settled_cash_usd) if c is not None]
        least = min(amounts) if all(map(math.isfinite, amounts)) else math.nan
        return least - sum(self.on_order_usd.values())

    def after(self, order: Order) -> Desk:
        """Return the desk with `order` under way: a buy spends its worst price, a sale frees nothing until it fills."""
        on_order_usd, leaving = self.on_order_usd, self.leaving
        if order.side is Side.SELL:
            leaving = {**leaving, order.symbol: leaving.get(order.symbol, Decimal(0)) + order.remaining}
        else:
            spent = on_order_usd.get(order.symbol, 0.0) + cost_usd(order, self.prices)
            on_order_usd = {**on_order_usd, order.symbol: spent}
        return changed(
            self,
            on_order_usd=on_order_usd,
            leaving=leaving,
            working=self.working | {order.symbol},
            placed=self.placed | {placement_of(order)},
            orders_today=self.orders_today + 1,
            orders_last_minute=self.orders_last_minute + 1,
        )

    def _symbols(self) -> list[Symbol]:
        return list(dict.fromkeys((*self.held, *self.on_order_usd)))


def placement_of(order: Order) -> Placement:
    """Return what a decision may do only once."""
    return order.decision_id, order.symbol, order.side, order.purpose


def cost_usd(order: Order, prices: Mapping[Symbol, float]) -> float:
    """Return what is left of a buy costs at the dearest price it may fill at: its limit, else the last price."""
    price = float(order.limit_price) if order.limit_price is not None else prices.get(order.symbol, 0.0)
    return float(order.remaining) * price
