"""A rebalance as it is shown before anything is sent: weights before and after, trades, tax."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.domain.instruments import BookId, Symbol
from trading.domain.orders import OrderRef, Side


@dataclass(frozen=True, slots=True)
class PreviewedTrade:
    """One trade of a rebalance.

    Attributes:
        order_id: None for a buy that waits for the sales; its size is worked out anew when they have had their hour.
        worth_usd: at the last price, a buy at its limit.
        short_usd, long_usd: estimated gain by holding period, lots first in first out; None for a buy.
        wash_usd: part of a loss that the tax law would disallow now; clean_from: from when on it would not.
        denied: why it may not go; None if it may.
    """

    symbol: Symbol
    side: Side
    quantity: Decimal
    worth_usd: float
    order_id: OrderRef | None = None
    short_usd: Decimal | None = None
    long_usd: Decimal | None = None
    wash_usd: Decimal | None = None
    denied: str | None = None


@dataclass(frozen=True, slots=True)
class PreviewedName:
    """A held name: its share of NAV [0–1] before, its target, and its share if every trade fills."""

    symbol: Symbol
    before_frac: float
    target_frac: float
    after_frac: float


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rebalance changes.

    Attributes:
        nav_usd: None when a held symbol has no price; then nothing is traded.
        cash_before_usd, cash_after_usd: after every trade that may go, without costs.
    """

    decision_id: str
    book: BookId
    as_of: datetime
    reason: str
    nav_usd: float | None
    cash_before_usd: float
    cash_after_usd: float
    names: tuple[PreviewedName, ...]
    trades: tuple[PreviewedTrade, ...]

    def worth_usd(self, order_id: OrderRef) -> float:
        """Return what a trade is worth [USD]; 0 for one that is not in here."""
        return next((t.worth_usd for t in self.trades if t.order_id == order_id), 0.0)

    def lines(self) -> tuple[str, ...]:
        """Return the preview for people, a line each."""
        return tuple(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"rebalance of {self.book} at {self.as_of:%Y-%m-%d %H:%M} UTC: {self.reason}"
        if self.nav_usd is None:
            yield "NAV is unknown, because a held symbol has no price: nothing is traded"
            return
        yield f"cash {self.cash_before_usd:,.2f} → {self.cash_after_usd:,.2f} of {self.nav_usd:,.2f} USD"
        yield f"{'name':8}{'before':>9}{'target':>9}{'after':>9}"
        for name in self.names:
            yield f"{name.symbol:8}{name.before_frac:>9.2%}{name.target_frac:>9.2%}{name.after_frac:>9.2%}"
        for trade in self.trades:
            yield _told(trade)
        if not self.trades:
            yield "no gap is worth a trade"


def _told(trade: PreviewedTrade) -> str:
    verb = "buy" if trade.side is Side.BUY else "sell"
    parts = [f"{verb} {trade.quantity.normalize():f} {trade.symbol}, {trade.worth_usd:,.2f} USD"]
    if trade.order_id is None and trade.side is Side.BUY:
        parts.append("once the sales have had their hour")
    for gain, term in ((trade.short_usd, "short-term"), (trade.long_usd, "long-term")):
        if gain:
            parts.append(f"{term} {'gain' if gain > 0 else 'loss'} {abs(gain):,.2f} USD")
    if trade.wash_usd:
        parts.append(f"{trade.wash_usd:,.2f} USD of the loss would be a wash sale")
    return "; ".join(parts) + (f"; DENIED {trade.denied}" if trade.denied else "")
