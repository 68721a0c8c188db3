"""Is the desk running away: one order at a time, orders a minute and a day, turnover, wash sales."""

from __future__ import annotations

import math

from trading.domain.orders import BY_CHOICE, Order, Side
from trading.execution.checks.check import Breach
from trading.execution.desk import Desk, cost_usd
from trading.execution.limits import Limits

_NOISE = 1e-9


def working_order(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """One order at a time in a symbol."""
    return Breach("an order in this symbol is still working") if order.symbol in desk.working else None


def rate(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """A loop that sends and sends is stopped within its minute. Numbers are orders."""
    sent, most = desk.orders_last_minute, limits.orders_a_minute
    return None if sent < most else Breach(f"{sent} orders in the last minute already", sent, most)


def daily_limit(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """A session has so many orders and turns over so much of NAV; exits count and are never stopped by it.

    Numbers are orders, or fractions of NAV.
    """
    if desk.orders_today >= limits.orders_a_day:
        return Breach(f"{desk.orders_today} orders today already", desk.orders_today, limits.orders_a_day)
    most = limits.turnover_a_day_frac
    if desk.nav_usd is None or not desk.nav_usd > 0:
        return Breach("NAV is unknown: a held symbol has no price", None, most)
    turned_usd = desk.traded_today_usd + sum(desk.on_order_usd.values()) + cost_usd(order, desk.prices)
    turned = turned_usd / desk.nav_usd
    if math.isfinite(turned) and turned <= most + _NOISE:
        return None
    return Breach(f"today's turnover would be {turned:.1%} of NAV, over {most:.0%}", turned, most)


def wash_block(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """No purchase within 30 days after a realised loss."""
    until = desk.wash_until.get(order.symbol)
    return None if until is None or desk.session_on > until else Breach(f"wash-sale window until {until:%Y-%m-%d}")


def wash_sale(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """No sale that could wait while shares bought in the last 30 days would replace what it sells at a loss.

    A fill may be worse than the last price, and pays a commission: a gain that the collar could turn into a loss counts
    as one. Numbers are the loss that would be disallowed and 0, in USD.
    """
    if order.purpose not in BY_CHOICE:
        return None
    price = desk.prices.get(order.symbol)
    if price is None or not order.quantity.is_finite():
        return None
    for fill_price, words in (price, "would be"), (price * (1 - limits.collar_frac), "might come to be"):
        outlook = desk.sale_outlook(order.symbol, order.quantity, fill_price)
        if outlook is not None and outlook.wash_quantity:
            shares = f"{outlook.wash_quantity:f} shares {words} sold at a loss"
            why = f"{shares} and are replaced by shares of the last 30 days; it can wait until {outlook.clean_on}"
            return Breach(why, float(outlook.disallowed_usd), 0.0)
    return None


def wash_flag(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """Flag a sale at a loss while shares bought in the last 30 days stay: that part of the loss is disallowed.

    It goes all the same, because a way out never waits for the tax law. Numbers are that part and 0, in USD.
    """
    price = desk.prices.get(order.symbol)
    if order.side is Side.BUY or order.is_protective or price is None or not order.quantity.is_finite():
        return None
    outlook = desk.sale_outlook(order.symbol, order.quantity, price)
    if outlook is None or not outlook.wash_quantity:
        return None
    shares = (
        f"{outlook.wash_quantity:f} shares sold at a loss to cut risk are replaced by shares bought in the last 30 days"
    )
    return Breach(f"{shares}; clean from {outlook.clean_on}", float(outlook.disallowed_usd), 0.0)
