"""When: the present instant, and the exchange's sessions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol

from trading.domain.market import Session, Slot
from trading.domain.settlement import sessions_to_settle


class Clock(Protocol):
    """Now. Only freshness, expiry and market-open checks may ask."""

    def now(self) -> datetime:
        """Return the current instant."""
        ...


class MarketCalendar(Protocol):
    """Sessions of the New York Stock Exchange."""

    def sessions(self, first_on: date, last_on: date) -> tuple[Session, ...]:
        """Return the sessions in [first_on, last_on], ascending."""
        ...

    def session(self, on: date) -> Session | None:
        """Return the session of that day, or None when the exchange is closed."""
        ...

    def latest_slot(self, at: datetime) -> Slot:
        """Return the youngest session hour that ended at or before `at`."""
        ...

    def slot_at(self, as_of: datetime) -> Slot | None:
        """Return the session hour that ends exactly at `as_of`, or None."""
        ...

    def next_session(self, after: date) -> Session:
        """Return the first session later than `after`."""
        ...


def settlement_day(calendar: MarketCalendar, traded_on: date) -> date:
    """Return the session on which the cash of a trade arrives."""
    day = traded_on
    for _ in range(sessions_to_settle(traded_on)):
        day = calendar.next_session(day).session_on
    return day
