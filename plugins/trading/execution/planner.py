"""Targets become orders: exits first, then trims, then entries with their protection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from trading.domain.instruments import BookId, BookKind, Symbol
from trading.domain.money import ZERO, round_to_tick, to_price, whole_shares
from trading.domain.orders import Order, OrderPurpose, OrderRef, OrderType, Side, TimeInForce, order_ref_for
from trading.domain.records import changed, quick


@quick
@dataclass(frozen=True, slots=True)
class PlanTerms:
    """How orders of one decision are written.

    Attributes:
        planned_at: the decision's cutoff.
        limit_offset_frac: how far above the last price an entry may fill [0–1].
        trail_frac, take_profit_frac: distances of the protection [0–1].
        rests: whether an entry brings its protection along; without, the hourly step guards.
    """

    book: BookId
    decision_id: str
    planned_at: datetime
    limit_offset_frac: float
    trail_frac: float
    take_profit_frac: float
    rests: bool = True


_ENTRY = Order(
    order_id="",
    book=BookId(BookKind.REPLAY, ""),
    decision_id="",
    symbol="",
    side=Side.BUY,
    quantity=ZERO,
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.UNTIL,
    purpose=OrderPurpose.ENTRY,
    planned_at=datetime.min.replace(tzinfo=UTC),
)
_STOP = changed(
    _ENTRY,
    side=Side.SELL,
    order_type=OrderType.TRAIL,
    time_in_force=TimeInForce.GTC,
    purpose=OrderPurpose.STOP,
    leg=1,
)
_SALE = changed(_ENTRY, side=Side.SELL, order_type=OrderType.MARKET, purpose=OrderPurpose.EXIT)
"""What every entry, stop and sale has in common."""


def plan_sale(
    terms: PlanTerms,
    symbol: Symbol,
    quantity: Decimal,
    purpose: OrderPurpose,
    *,
    at_open: bool,
    cause: str | None = None,
) -> Order:
    """Return a sale at the market, or at the next open if `at_open` (decided at the close, or on daily bars)."""
    return changed(
        _SALE,
        order_id=order_ref_for(terms.book, terms.decision_id, symbol, purpose, 0),
        book=terms.book,
        decision_id=terms.decision_id,
        symbol=symbol,
        quantity=quantity,
        order_type=OrderType.MARKET_ON_OPEN if at_open else OrderType.MARKET,
        time_in_force=TimeInForce.OPENING if at_open else TimeInForce.DAY,
        purpose=purpose,
        planned_at=terms.planned_at,
        cause=cause,
    )


def plan_entry(
    terms: PlanTerms, symbol: Symbol, *, weight_frac: float, nav_usd: float, last_price: float, expires_at: datetime
) -> tuple[Order, ...]:
    """Return an entry with its protection (limit buy, trailing stop, take profit), or nothing under one share.

    The quantity is what the target buys at the limit, the worst price it may fill at.
    """
    limit = round_to_tick(to_price(last_price * (1.0 + terms.limit_offset_frac)), up=False)
    quantity = Decimal(whole_shares(weight_frac * nav_usd, limit))
    if quantity < 1:
        return ()
    entry = changed(
        _ENTRY,
        order_id=order_ref_for(terms.book, terms.decision_id, symbol, OrderPurpose.ENTRY, 0),
        book=terms.book,
        decision_id=terms.decision_id,
        symbol=symbol,
        quantity=quantity,
        planned_at=terms.planned_at,
        limit_price=limit,
        expires_at=expires_at,
    )
    return (entry, *protection_for(terms, entry, last_price)) if terms.rests else (entry,)


def plan_market_entry(
    terms: PlanTerms, symbol: Symbol, *, weight_frac: float, nav_usd: float, last_price: float, at_open: bool
) -> tuple[Order, ...]:
    """Return an entry at the market, or at the next open if `at_open`, with its protection; nothing under one share."""
    quantity = Decimal(whole_shares(weight_frac * nav_usd, last_price))
    if quantity < 1:
        return ()
    entry = market_entry(terms, symbol, quantity, at_open=at_open)
    return (entry, *protection_for(terms, entry, last_price)) if terms.rests else (entry,)


def market_entry(terms: PlanTerms, symbol: Symbol, quantity: Decimal, *, at_open: bool) -> Order:
    """Return an entry of so many shares at the market, without its protection."""
    return changed(plan_sale(terms, symbol, quantity, OrderPurpose.ENTRY, at_open=at_open), side=Side.BUY)


def protection_for(terms: PlanTerms, entry: Order, last_price: float) -> tuple[Order, Order]:
    """Return the stop and the take profit that wait for `entry`; the stop starts under its fill."""
    target = to_price(last_price * (1.0 + terms.take_profit_frac))
    return protective_pair(terms, entry.symbol, entry.quantity, target_price=target, parent_id=entry.order_id)


def protective_pair(
    terms: PlanTerms,
    symbol: Symbol,
    quantity: Decimal,
    *,
    target_price: Decimal,
    stop_price: Decimal | None = None,
    parent_id: OrderRef | None = None,
) -> tuple[Order, Order]:
    """Return two GTC sales of which one cancels the other: a trailing stop and a take profit.

    Args:
        target_price: rounded up to a tick [USD/share].
        stop_price: where the stop starts; None lets the broker set it under the entry's fill.
        parent_id: the entry that both wait for; None for a position that is held already.
    """
    stop = changed(
        _STOP,
        order_id=order_ref_for(terms.book, terms.decision_id, symbol, OrderPurpose.STOP, 1),
        book=terms.book,
        decision_id=terms.decision_id,
        symbol=symbol,
        quantity=quantity,
        planned_at=terms.planned_at,
        parent_id=parent_id,
        stop_price=stop_price,
        trail_frac=terms.trail_frac,
    )
    target = changed(
        stop,
        order_id=order_ref_for(terms.book, terms.decision_id, symbol, OrderPurpose.TARGET, 2),
        order_type=OrderType.LIMIT,
        purpose=OrderPurpose.TARGET,
        leg=2,
        limit_price=round_to_tick(target_price, up=True),
        stop_price=None,
        trail_frac=None,
    )
    return stop, target


def trim_quantity(held: Decimal, last_price: float, target_frac: float, nav_usd: float) -> Decimal:
    """Return how many shares bring a position down to its target; 0 when it is not above it."""
    keep = Decimal(whole_shares(target_frac * nav_usd, last_price))
    return max(held - keep, Decimal(0))


def held_weights(
    held: Mapping[Symbol, Decimal], prices: Mapping[Symbol, float], nav_usd: float
) -> list[tuple[Symbol, float]]:
    """Return (symbol, share of NAV [0–1]) of each held symbol that has a price."""
    if not nav_usd > 0:
        return []
    return [(s, float(q) * price / nav_usd) for s, q in held.items() if (price := prices.get(s)) is not None]
