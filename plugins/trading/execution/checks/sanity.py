"""Is the order one that a person could have meant: quantity, price, collar, no short, no repetition.

Every comparison asks for what is allowed, so that a NaN, which compares as false, is refused.
"""

from __future__ import annotations

import math

from trading.domain.money import CENT, PRICE_STEP, ZERO
from trading.domain.orders import Order, OrderType, Side
from trading.execution.checks.check import Breach
from trading.execution.desk import Desk, placement_of
from trading.execution.limits import Limits

_PRICED_BY = {OrderType.LIMIT: "limit_price", OrderType.STOP: "stop_price", OrderType.TRAIL: "trail_frac"}
"""What an order of a type cannot be without. A trailing stop's price is where it stands, not what is sent."""


def bad_quantity(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """Whole shares, at least one."""
    quantity = order.quantity
    if quantity.is_finite() and quantity == quantity.to_integral_value() and quantity >= 1:
        return None
    return Breach(f"{quantity} shares is not a whole number of at least 1", float(quantity), 1.0)


def too_many_shares(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """No entry of absurdly many shares."""
    if order.quantity.is_finite() and order.quantity <= limits.order_shares:
        return None
    detail = f"{order.quantity:,} shares are over {limits.order_shares:,}"
    return Breach(detail, float(order.quantity), limits.order_shares)


def bad_price(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """A priced order needs its price, on a tick; a buy needs a last price to be sized and collared against."""
    needed = _PRICED_BY.get(order.order_type)
    for name, value in (
        ("limit_price", order.limit_price),
        ("stop_price", order.stop_price),
        ("trail_frac", order.trail_frac),
    ):
        if value is None:
            if name == needed:
                return Breach(f"a {order.order_type} order without its {name}")
        elif not math.isfinite(value) or value <= 0:
            return Breach(f"{name} is {value}", float(value), 0.0)
    price = {"limit_price": order.limit_price, "stop_price": order.stop_price}.get(needed or "")
    if price is not None and price % (tick := CENT if price >= 1 else PRICE_STEP):
        return Breach(f"{needed} {price} is not a multiple of {tick}", float(price), float(tick))
    last = desk.prices.get(order.symbol)
    if order.side is Side.BUY and not (last is not None and 0.0 < last < math.inf):
        return Breach("no last price", last, 0.0)
    return None


def price_collar(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """A limit stays within the collar of the last price, and of the quote; protections stand away by design."""
    if order.limit_price is None or order.is_protective:
        return None
    last = desk.prices.get(order.symbol)
    quote = (desk.quotes or {}).get(order.symbol)
    quoted = None
    if quote is not None and order.symbol not in desk.daily_priced:
        quoted = quote.price_for(buying=order.side is Side.BUY)
    for name, price in (("last price", last), ("quote", quoted)):
        if price is None:
            continue
        gap = abs(float(order.limit_price) / float(price) - 1.0) if price else float("inf")
        if not gap <= limits.collar_frac:
            detail = f"the limit is {gap:.1%} from the {name} of {float(price):,.2f}, over {limits.collar_frac:.0%}"
            return Breach(detail, gap, limits.collar_frac)
    return None


def would_short(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """A sale never exceeds what is held and not being sold already; a protection guards at most what is held."""
    if order.side is Side.BUY:
        return None
    held = desk.held.get(order.symbol, ZERO)
    free = held if order.is_protective else held - desk.leaving.get(order.symbol, ZERO)
    if order.quantity.is_finite() and free.is_finite() and order.quantity <= free:
        return None
    return Breach(f"sells {order.quantity} of {free} shares that may be sold", float(order.quantity), float(free))


def duplicate(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """A decision does the same thing in the same symbol once, and what the broker lists is not sent anew."""
    if order.order_id in desk.at_broker:
        return Breach(f"the broker lists {order.order_id} already")
    if not order.is_protective and placement_of(order) in desk.placed:
        return Breach(f"this decision has another {order.purpose} order in {order.symbol}")
    return None
