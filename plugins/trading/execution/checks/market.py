"""Is this a moment, and a market, in which to enter: session, symbol, freshness of price, quote and VIX."""

from __future__ import annotations

import math
from datetime import timedelta

from trading.domain.instruments import BookKind
from trading.domain.market import Quote
from trading.domain.orders import Order
from trading.execution.checks.check import Breach
from trading.execution.desk import Desk
from trading.execution.limits import Limits

MINUTE = timedelta(minutes=1)


def market_closed(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """Entries need an open market."""
    return None if desk.closes_at is not None and desk.now < desk.closes_at else Breach("the market is closed")


def too_late(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """Entries need some of the session to work in. Numbers are minutes."""
    if desk.closes_at is None or desk.closes_at - desk.now >= limits.before_close:
        return None
    least = limits.before_close / MINUTE
    return Breach(f"less than {least:g} minutes to the close", (desk.closes_at - desk.now) / MINUTE, least)


def not_tradable(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """Only names of the universe, and none that is held back."""
    if order.symbol not in desk.sectors:
        return Breach("not in the traded universe")
    why = desk.untradable.get(order.symbol)
    return None if why is None else Breach(f"held back: {why}")


def refused_today(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """What the broker refused today is not tried again in the same session."""
    why = desk.rejected.get(order.symbol)
    return None if why is None else Breach(f"the broker refused this entry today: {why}")


def stale_price(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """No entry on a missing, stale or parked price."""
    why = desk.unfit.get(order.symbol)
    return None if why is None else Breach(why)


def halted(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """No entry while the symbol is halted; with real money not even while nobody says that it is not."""
    quote = _quote(order, desk)
    if quote is None or quote.is_halted is False:
        return None
    if quote.is_halted is None:
        return Breach("the broker does not say whether it is halted") if _is_live(order) else None
    return Breach("trading in it is halted")


def stale_quote(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """Entries need a quote that is young enough; with real money not a delayed one. Numbers are seconds of age."""
    if desk.quotes is None or order.symbol in desk.daily_priced:
        return None
    oldest = limits.live_quote_age if _is_live(order) else limits.paper_quote_age
    quote = _quote(order, desk)
    if quote is None or quote.quoted_at is None or quote.price_for(buying=True) is None:
        return Breach("the broker shows no quote", None, oldest.total_seconds())
    age = (desk.now - quote.quoted_at).total_seconds()
    if age > oldest.total_seconds():
        return Breach(f"the quote is {age:,.0f} s old, over {oldest.total_seconds():,.0f}", age, oldest.total_seconds())
    if quote.is_delayed and _is_live(order):
        return Breach("the quote is delayed; subscribe to the market data of this symbol", age, oldest.total_seconds())
    return None


def delayed(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """Flag an entry that goes on a delayed quote, as it may on paper only."""
    quote = _quote(order, desk)
    return Breach("sent on a delayed quote") if quote is not None and quote.is_delayed else None


def vix_unknown(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """No entry while nobody knows the VIX, or only an old level of it."""
    if desk.vix is not None and math.isfinite(desk.vix):
        return None
    return Breach("the VIX is unknown or stale", None, limits.vix)


def vix_block(order: Order, desk: Desk, limits: Limits) -> Breach | None:
    """No entry while the VIX is high. Numbers are index points."""
    if desk.vix is None or not desk.vix > limits.vix:
        return None
    return Breach(f"VIX {desk.vix:.1f} is above {limits.vix:g}", desk.vix, limits.vix)


def _quote(order: Order, desk: Desk) -> Quote | None:
    """Return the quote that says something about the moment in which `order` would fill."""
    return None if order.symbol in desk.daily_priced else (desk.quotes or {}).get(order.symbol)


def _is_live(order: Order) -> bool:
    return order.book.kind is BookKind.LIVE
