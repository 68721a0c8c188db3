"""Is the desk running away: one order at a time, orders a minute and a day, turnover, wash sales."""

from __future__ import annotations

import math
from datetime import date, timedelta
from decimal import Decimal

from trading.domain.fills import Lot
from trading.domain.money import ZERO
from trading.domain.orders import BY_CHOICE, Order, Side
from trading.execution.checks.check import Breach
from trading.execution.desk import Desk, cost_usd
from trading.execution.limits import Limits

_NOISE = 1e-9
WASH_WINDOW = timedelta(days=30)
"""26 U.S.C. § 1091: 30 days before and after the sale."""


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


def wash_flag(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """Flag a sale at a loss while shares bought in the last 30 days stay: that part of the loss is disallowed.

    It goes all the same, because a way out never waits for the tax law. Numbers are the loss and 0, in USD.
    """
    price = desk.prices.get(order.symbol)
    if order.side is Side.BUY or order.is_protective or price is None or not order.quantity.is_finite():
        return None
    sold, stays = _first_in_first_out(desk.lots.get(order.symbol, ()), order.quantity)
    loss = sum(min(0.0, float(quantity) * (price - float(lot.cost_per_share))) for lot, quantity in sold)
    recent = [lot for lot in stays if _is_recent(lot, desk.session_on)]
    if not loss < 0 or not recent:
        return None
    bought_on = max(lot.acquired_on for lot in recent)
    why = "by choice" if order.purpose in BY_CHOICE else "to cut risk"
    return Breach(f"sold at a loss {why}, and shares bought on {bought_on:%Y-%m-%d} stay", loss, 0.0)


def _first_in_first_out(lots: tuple[Lot, ...], quantity: Decimal) -> tuple[list[tuple[Lot, Decimal]], list[Lot]]:
    """Return what a sale of `quantity` takes of each lot, and the lots of which something stays."""
    sold: list[tuple[Lot, Decimal]] = []
    stays: list[Lot] = []
    for lot in sorted(lots, key=lambda one: (one.acquired_on, one.lot_id)):
        taken = min(lot.quantity, quantity)
        quantity -= taken
        if taken > ZERO:
            sold.append((lot, taken))
        if taken < lot.quantity:
            stays.append(lot)
    return sold, stays


def _is_recent(lot: Lot, on: date) -> bool:
    return on - lot.acquired_on <= WASH_WINDOW
