"""Does the book stay inside its caps when the order fills at its worst price. Buys under way count as filled."""

from __future__ import annotations

import math

from trading.domain.orders import Order
from trading.execution.checks.check import Breach
from trading.execution.desk import Desk, cost_usd
from trading.execution.limits import Limits

_NOISE = 1e-9
"""Fractions of NAV are floats; a cap is not broken by their last digits."""
_NO_NAV = "NAV is unknown: a held symbol has no price"


def too_large(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """One order costs at most the asset cap of NAV, and at most a fixed sum. Numbers are USD."""
    cost, nav = cost_usd(order, desk.prices), desk.nav_usd
    if nav is None:
        return Breach(_NO_NAV, cost, None)
    most = min(limits.order_usd, limits.asset_cap_frac * nav)
    return None if cost <= most + _NOISE * nav else Breach(f"costs {cost:,.2f} USD, over {most:,.2f}", cost, most)


def no_cash(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """The order is paid from cash, settled cash in a cash account, and the buffer stays. Numbers are USD."""
    if desk.nav_usd is None:
        return Breach(_NO_NAV)
    left = desk.free_cash_usd() - cost_usd(order, desk.prices)
    buffer = limits.cash_buffer_frac * desk.nav_usd
    if math.isfinite(left) and left >= buffer - _NOISE * desk.nav_usd:
        return None
    return Breach(f"would leave {left:,.2f} USD, under the buffer of {buffer:,.2f}", left, buffer)


def asset_cap(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """No name above its cap. Numbers are fractions of NAV."""
    return _over(order, desk, desk.value_usd(order.symbol), limits.asset_cap_frac, order.symbol)


def sector_cap(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """No sleeve above its cap; a name without a sleeve is NOT_TRADABLE. Numbers are fractions of NAV."""
    sector = desk.sectors.get(order.symbol)
    if sector is None:
        return None
    return _over(order, desk, desk.sector_value_usd(sector), limits.sector_cap_frac, sector)


def gross_cap(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """Everything together leaves the cash buffer: no margin. Numbers are fractions of NAV."""
    return _over(order, desk, desk.invested_usd(), 1.0 - limits.cash_buffer_frac, "the book")


def _over(order: Order, desk: Desk, value_usd: float, cap_frac: float, name: str) -> Breach | None:
    if desk.nav_usd is None or not desk.nav_usd > 0:
        return Breach(_NO_NAV, None, cap_frac)
    after = (value_usd + cost_usd(order, desk.prices)) / desk.nav_usd
    if math.isfinite(after) and after <= cap_frac + _NOISE:
        return None
    return Breach(f"{name} would be {after:.2%} of NAV, over {cap_frac:.0%}", after, cap_frac)
