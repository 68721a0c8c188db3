"""Cash of a cash account: what a sale brings may be spent when it has settled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from trading.domain.fills import Booking
from trading.domain.money import ZERO
from trading.domain.orders import Side
from trading.domain.settlement import sessions_to_settle
from trading.engine.hours import Timeline
from trading.engine.state import BookState


def settlement_days(timeline: Timeline) -> dict[date, date]:
    """Return when a trade of each session settles; `date.max` where that is behind the end of the timeline.

    The session before the first one is among them: its last bars may become known after its end.
    """
    days = [s.session_on for s in (timeline.before, *timeline.sessions, timeline.after)]
    due = {day: number + sessions_to_settle(day) for number, day in enumerate(days)}
    return {day: days[row] if row < len(days) else date.max for day, row in due.items()}


def with_proceeds(
    state: BookState, bookings: Iterable[Booking], settles_on: Mapping[date, date], session_on: date
) -> BookState:
    """Return the book with the proceeds of `bookings` on their way and those due by `session_on` arrived.

    A margin account's book, whose `unsettled` is None, comes back as it is.
    """
    if state.unsettled is None:
        return state
    waiting = {day: usd for day, usd in state.unsettled.items() if day > session_on}
    for booking in bookings:
        if booking.fill.side is Side.SELL:
            due_on = settles_on.get(booking.fill.executed_at.date(), session_on)
            waiting[due_on] = waiting.get(due_on, ZERO) + booking.cash_usd
    return state if waiting == state.unsettled else replace(state, unsettled=waiting)


def settled_cash_usd(state: BookState, session_on: date) -> Decimal | None:
    """Return the cash that may be spent in `session_on`; None in a margin account, where all of it may."""
    if state.unsettled is None:
        return None
    return state.portfolio.cash_usd - sum((usd for day, usd in state.unsettled.items() if day > session_on), ZERO)
