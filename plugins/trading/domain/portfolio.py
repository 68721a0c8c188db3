"""What a book holds and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from math import fsum, nan

from trading.domain.fills import Lot
from trading.domain.instruments import BookId, Symbol
from trading.domain.records import DERIVED, quick


class TradingState(StrEnum):
    """Master switch of a book. An unreadable state counts as HALTED."""

    ACTIVE = "ACTIVE"
    REDUCE_ONLY = "REDUCE_ONLY"
    HALTED = "HALTED"
    LOCKED = "LOCKED"


class AccountType(StrEnum):
    """What a sale's proceeds may be used for before they settle: nothing in a cash account."""

    CASH = "cash"
    MARGIN = "margin"


@quick
@dataclass(frozen=True)
class Position:
    """Open lots of one symbol.

    Attributes:
        high_water_price: highest price since the entry [USD/share], on today's share basis.
    """

    symbol: Symbol
    lots: tuple[Lot, ...]
    high_water_price: float

    @property
    def quantity(self) -> Decimal:
        """Shares held."""
        return self.lots[0].quantity if len(self.lots) == 1 else sum((lot.quantity for lot in self.lots), Decimal(0))

    @property
    def average_cost(self) -> float:
        """What a share cost on average [USD/share], commission included; NaN for an empty position."""
        if len(self.lots) == 1:
            return float(self.lots[0].cost_per_share)
        return float(self.cost_usd / self.quantity) if self.lots else nan

    @property
    def cost_usd(self) -> Decimal:
        """What the open shares cost, commission included."""
        return sum((lot.quantity * lot.cost_per_share for lot in self.lots), Decimal(0))


@quick
@dataclass(frozen=True, slots=True)
class Breaker:
    """Drawdown breaker of a book.

    Attributes:
        peak_nav_usd: high-water mark of NAV since the last re-base.
        lifetime_peak_usd: high-water mark that is never re-based.
        tripped_on: session on which it tripped; None while it is armed.
        sessions_since_trip: completed sessions after the trip.
    """

    peak_nav_usd: float = 0.0
    lifetime_peak_usd: float = 0.0
    tripped_on: date | None = None
    sessions_since_trip: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """What a book was last brought to, and what of that is still to come.

    Attributes:
        aims: share of NAV [0–1] to which the newest order, or rebalance, brought a name, by symbol.
        sessions_since: sessions since the last rebalance; None before the first.
        buys_wait: whether the buys of the last rebalance wait for its sales.
    """

    aims: Mapping[Symbol, float] = field(default_factory=dict)
    sessions_since: int | None = None
    buys_wait: bool = False

    def later(self, sessions: int) -> Balance:
        """Return what it is `sessions` sessions later."""
        if self.sessions_since is None or not sessions:
            return self
        return Balance(self.aims, self.sessions_since + sessions, self.buys_wait)


@quick
@dataclass(frozen=True)
class Portfolio:
    """A book at one instant."""

    book: BookId
    as_of: datetime
    cash_usd: Decimal
    positions: Mapping[Symbol, Position] = field(default_factory=dict)

    def marked(self, as_of: datetime, positions: Mapping[Symbol, Position]) -> Portfolio:
        """Return the book at `as_of` with the same shares, whose marks may have moved."""
        later = Portfolio(self.book, as_of, self.cash_usd, positions)
        later.__dict__[DERIVED] = self.held
        return later

    def booked(self, position: Position, cash_usd: Decimal) -> Portfolio:
        """Return the book with `position` in place of what it held of that symbol, and with `cash_usd`."""
        positions, held = {**self.positions}, {**self.held}
        if position.lots:
            positions[position.symbol], held[position.symbol] = position, position.quantity
        else:
            positions.pop(position.symbol, None)
            held.pop(position.symbol, None)
        later = Portfolio(self.book, self.as_of, cash_usd, positions)
        later.__dict__[DERIVED] = held
        return later

    @property
    def held(self) -> Mapping[Symbol, Decimal]:
        """Shares by symbol, empty positions left out."""
        found: dict[Symbol, Decimal] | None = self.__dict__.get(DERIVED)
        if found is None:
            found = {s: q for s, p in self.positions.items() if (q := p.quantity) > 0}
            self.__dict__[DERIVED] = found
        return found


def nav_usd(portfolio: Portfolio, prices: Mapping[Symbol, float]) -> float | None:
    """Return cash plus positions at `prices` [USD/share]; None if a held symbol has no price."""
    values = [float(portfolio.cash_usd)]
    for symbol, position in portfolio.positions.items():
        if not position.lots:
            continue
        price = prices.get(symbol)
        if price is None:
            return None
        values.append(float(position.quantity) * price)
    # Exact, so that it does not depend on the order in which a driver lists the positions.
    return fsum(values)
