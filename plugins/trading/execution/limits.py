"""Limits: how much one order, and one day of orders, may do to a book."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers that the pre-trade checks hold an order against.

    The first five are caps of the strategy. The others have defaults and hold for any strategy, so that a mistake in
    a strategy meets a wall that it did not build itself.

    Attributes:
        asset_cap_frac, sector_cap_frac, cash_buffer_frac: fractions of NAV [0–1].
        collar_frac: furthest limit from the last price and from the quote [0–1].
        vix: index points above which nothing is entered.
        order_usd: what one order may cost at most, however large the book is.
        order_shares: shares of one entry.
        before_close: an entry needs this much of the session.
        orders_a_day: orders that left in the session, exits counted, after which nothing is entered.
        orders_a_minute: the same in the last minute before sending.
        turnover_a_day_frac: bought, sold and on order in the session, as a fraction of NAV [0–1].
        loss_a_day_frac: fall of NAV since the previous session's close after which nothing is entered [0–1].
        live_quote_age, paper_quote_age: oldest quote that an entry may be sent on.
    """

    asset_cap_frac: float
    sector_cap_frac: float
    cash_buffer_frac: float
    collar_frac: float
    vix: float
    order_usd: float = 1_000_000.0
    order_shares: int = 1_000_000
    before_close: timedelta = timedelta(minutes=5)
    orders_a_day: int = 20
    orders_a_minute: int = 20
    turnover_a_day_frac: float = 0.40
    loss_a_day_frac: float = 0.03
    live_quote_age: timedelta = timedelta(seconds=60)
    paper_quote_age: timedelta = timedelta(minutes=20)
