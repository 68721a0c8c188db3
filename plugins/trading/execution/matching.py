"""match(): what one bar does to one working order. The replay and the paper gateway both call it.

Resting orders, pessimistic inside the bar: the stop stands where the high-water mark *before* the bar put it;
a gap through it fills at the open; where a bar touches stop and target the stop comes first (callers match the
stop before its sibling).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from trading.domain.fills import Fill
from trading.domain.instruments import Symbol
from trading.domain.market import Bar
from trading.domain.money import from_ticks, to_price, to_ticks
from trading.domain.orders import Order, OrderType, Side
from trading.domain.records import changed
from trading.execution.costs import CostModel


def match(order: Order, bar: Bar, costs: CostModel) -> Fill | None:
    """Return the fill of all remaining shares of `order` in `bar`, or None.

    A bar that started before the order was planned, or at or after its expiry, fills nothing. Prices are raw
    USD/share. The fill is stamped with the bar's start when the open did it, else with the bar's end.
    """
    if bar.starts_at < order.planned_at or (order.expires_at is not None and bar.starts_at >= order.expires_at):
        return None
    touched = _touch(order, bar, costs)
    if touched is None:
        return None
    price, executed_at = touched
    quantity, starts_at = order.remaining, bar.starts_at
    # By hand, because strftime takes ten times as long.
    day, minute = (
        (starts_at.year * 100 + starts_at.month) * 100 + starts_at.day,
        starts_at.hour * 100 + starts_at.minute,
    )
    return Fill(
        fill_id=f"{order.order_id}@{day:08d}{minute:04d}",
        order_id=order.order_id,
        book=order.book,
        symbol=order.symbol,
        side=order.side,
        quantity=quantity,
        price=price,
        commission_usd=costs.charge_usd(order.side, quantity, price, executed_at.date()),
        executed_at=executed_at,
    )


def _touch(order: Order, bar: Bar, costs: CostModel) -> tuple[Decimal, datetime] | None:
    if order.order_type in (OrderType.MARKET, OrderType.MARKET_ON_OPEN):
        return from_ticks(market_ticks(bar.open, order.side, order.symbol, costs)), bar.starts_at
    opened = to_price(bar.open)
    buying = order.side is Side.BUY
    if order.order_type is OrderType.LIMIT:
        limit = order.limit_price
        assert limit is not None, f"{order.order_id}: a limit order needs its limit"
        best = costs.slipped(opened, order.side, order.symbol)
        if (best <= limit) if buying else (best >= limit):
            return best, bar.starts_at
        reached = to_price(bar.low) <= limit if buying else to_price(bar.high) >= limit
        return (limit, bar.ends_at) if reached else None
    stop = order.stop_price
    assert stop is not None, f"{order.order_id}: a stop order needs its stop; ratchet() sets a trailing one"
    if (opened >= stop) if buying else (opened <= stop):
        return costs.slipped(opened, order.side, order.symbol), bar.starts_at
    if to_price(bar.high) >= stop if buying else to_price(bar.low) <= stop:
        return costs.slipped(stop, order.side, order.symbol), bar.ends_at
    return None


def market_ticks(opened: float, side: Side, symbol: Symbol, costs: CostModel) -> int:
    """Return what an order at the market fills at in a bar that opens at `opened` [USD/share], in 1/10,000 USD."""
    return costs.slipped_ticks(to_ticks(opened), side, symbol)


def ratchet(order: Order, high_price: float) -> Order:
    """Return a trailing sell stop moved up under `high_price`; a stop never moves down, other types never move."""
    if order.order_type is not OrderType.TRAIL or order.trail_frac is None:
        return order
    stop = to_price(high_price * (1 - order.trail_frac))
    return order if order.stop_price is not None and stop <= order.stop_price else changed(order, stop_price=stop)
