"""When an order ends by itself: time in force, and the broker's own end of good-till-cancelled orders."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from trading.gateway.listings import EASTERN
from trading.gateway.records import GatewayOrder, Ticket
from trading.ports import MarketCalendar

OPENING_GRACE = timedelta(seconds=1)
"""A market-on-open order works for the one opening auction, then it is gone."""
AT_ONCE = frozenset({"IOC", "FOK"})
"""Times in force that end on arrival."""


def expiry_of(ticket: Ticket, now: datetime, calendar: MarketCalendar) -> datetime | None:
    """Return when the ticket's time in force ends; None for GTC."""
    if ticket.tif in ("GTC", "GTD"):
        return ticket.good_till
    today = calendar.session(now.date())
    if ticket.tif == "OPG":
        auction = today if today and now <= today.opens_at else calendar.next_session(now.date())
        return auction.opens_at + OPENING_GRACE
    return (today if today and now < today.closes_at else calendar.next_session(now.date())).closes_at


def auto_cancel_at(ticket: Ticket, now: datetime) -> datetime | None:
    """Return the end of the quarter after the current one, as a captured GTC order said; None for other orders."""
    if ticket.tif != "GTC":
        return None
    today = now.astimezone(EASTERN).date()
    quarters = today.year * 4 + (today.month - 1) // 3 + 2
    first_day_after = date(quarters // 4, quarters % 4 * 3 + 1, 1)
    last_second = datetime.combine(first_day_after, time(), EASTERN) - timedelta(seconds=1)
    return last_second.astimezone(now.tzinfo)


def end_of(order: GatewayOrder) -> tuple[datetime, str] | None:
    """Return when the order ends by itself and what is said then; None if it never does."""
    if order.expires_at is not None:
        return order.expires_at, "Cancelled by System: expired"
    if order.auto_cancel_at is not None:
        return order.auto_cancel_at, "Cancelled by System: GTC order ended with the calendar quarter"
    return None
