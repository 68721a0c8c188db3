"""Targets become orders: exits first, then trims, then entries with their protection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.domain.instruments import BookId, Symbol
from trading.domain.money import round_to_tick, to_price, whole_shares
from trading.domain.orders import Order, OrderPurpose, OrderType, Side, TimeInForce, order_ref_for


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """How orders of one decision are written.

    Attributes:
        planned_at: the decision's cutoff.
        limit_offset_frac: how far above the last price an entry may fill [0–1].
        trail_frac, take_profit_frac: distances of the protection [0–1].
    """

    book: BookId
    decision_id: str
    planned_at: datetime
    limit_offset_frac: float
    trail_frac: float
    take_profit_frac: float


def plan_sale(terms: PlanTerms, symbol: Symbol, quantity: Decimal, purpose: OrderPurpose, *, at_open: bool) -> Order:
    """Return a sale at the market, or at the next open if `at_open` (decided at the close, or on daily bars)."""
    return Order(
        order_id=order_ref_for(terms.book, terms.decision_id, symbol, purpose, 0),
        book=terms.book,
        decision_id=terms.decision_id,
        symbol=symbol,
        side=Side.SELL,
        quantity=quantity,
        order_type=OrderType.MARKET_ON_OPEN if at_open else OrderType.MARKET,
        time_in_force=TimeInForce.OPENING if at_open else TimeInForce.DAY,
        purpose=purpose,
        planned_at=terms.planned_at,
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
    entry = Order(
        order_id=order_ref_for(terms.book, terms.decision_id, symbol, OrderPurpose.ENTRY, 0),
        book=terms.book,
        decision_id=terms.decision_id,
        symbol=symbol,
        side=Side.BUY,
        quantity=quantity,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.UNTIL,
        purpose=OrderPurpose.ENTRY,
        planned_at=terms.planned_at,
        limit_price=limit,
        expires_at=expires_at,
    )
    return entry, *protection_for(terms, entry, last_price)


def protection_for(terms: PlanTerms, entry: Order, last_price: float) -> tuple[Order, Order]:
    """Return the two GTC siblings that guard `entry`: a trailing stop and a take profit; one cancels the other."""
    target = round_to_tick(to_price(last_price * (1.0 + terms.take_profit_frac)), up=True)
    legs = {
        OrderPurpose.STOP: (1, OrderType.TRAIL, None, terms.trail_frac),
        OrderPurpose.TARGET: (2, OrderType.LIMIT, target, None),
    }
    stop, take_profit = (
        Order(
            order_id=order_ref_for(terms.book, terms.decision_id, entry.symbol, purpose, leg),
            book=terms.book,
            decision_id=terms.decision_id,
            symbol=entry.symbol,
            side=Side.SELL,
            quantity=entry.quantity,
            order_type=order_type,
            time_in_force=TimeInForce.GTC,
            purpose=purpose,
            planned_at=terms.planned_at,
            leg=leg,
            parent_id=entry.order_id,
            limit_price=limit,
            trail_frac=trail,
        )
        for purpose, (leg, order_type, limit, trail) in legs.items()
    )
    return stop, take_profit


def trim_quantity(held: Decimal, last_price: float, target_frac: float, nav_usd: float) -> Decimal:
    """Return how many shares bring a position down to its target; 0 when it is not above it."""
    keep = Decimal(whole_shares(target_frac * nav_usd, last_price))
    return max(held - keep, Decimal(0))


def held_weights(held: Mapping[Symbol, Decimal], prices: Mapping[Symbol, float], nav_usd: float) -> dict[Symbol, float]:
    """Return the share of NAV [0–1] of each held symbol that has a price."""
    return {s: float(q) * prices[s] / nav_usd for s, q in held.items() if s in prices and nav_usd > 0}
