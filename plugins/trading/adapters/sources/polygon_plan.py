"""What a Polygon plan includes, and from when on its bars can be known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from trading.domain.market import Session
from trading.errors import ConfigurationError
from trading.ports import Clock, MarketCalendar
from trading.ports.calls import CallLedger

NAME = "polygon"
NEW_YORK = ZoneInfo("America/New_York")
CURRENT_DAY, BARS = "current day", "bars"
"""Capabilities: the session that is going on, and bars at all. Found out by asking, at most once a day."""
ASSUMED_DELAY = timedelta(minutes=15)
"""For history that was fetched long after: what a delayed plan would have shown. Daily bars: 20 minutes."""
ASSUMED_DAILY_DELAY = timedelta(minutes=20)


PAID_CALLS = 3_000
"""Calls a minute of a paid plan: half of the 100 a second under which the vendor asks to stay.

Source: its knowledge base, "What is the request limit", read 2026-11.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan.

    Attributes:
        delay: how late its bars are; None where it has none of the current day.
        years: how far its history reaches back.
        has_financials: whether income statements may be asked for.
    """

    name: str
    calls_per_minute: int
    delay: timedelta | None
    years: int
    has_financials: bool = True


PLANS = {
    plan.name: plan
    for plan in (
        Plan("basic", 5, None, 2, has_financials=False),
        Plan("starter", PAID_CALLS, timedelta(minutes=15), 5),
        Plan("developer", PAID_CALLS, timedelta(minutes=15), 10),
        Plan("advanced", PAID_CALLS, timedelta(0), 20),
    )
}


def plan_named(name: str) -> Plan:
    """Return the plan of that name."""
    if name not in PLANS:
        raise ConfigurationError(f"POLYGON_PLAN={name!r} is not one of {', '.join(PLANS)}; correct it in .env")
    return PLANS[name]


@dataclass(frozen=True)
class Reach:
    """What can be had when, by plan and by what the vendor said today.

    Attributes:
        is_history: whether bars are brought for the past, long after it: then the delays above are assumed.
    """

    plan: Plan
    calendar: MarketCalendar
    clock: Clock
    calls: CallLedger
    is_history: bool = False

    def until(self, as_of: datetime) -> datetime:
        """Return up to when bars can be had for `as_of`: all of it, or no later than the previous session's close."""
        if self.plan.delay is not None and self.calls.off_reason(NAME, CURRENT_DAY) is None:
            return as_of
        return min(as_of, self.previous_close())

    def previous_close(self) -> datetime:
        """Return the close of the last session before today in New York."""
        today = self.clock.now().astimezone(NEW_YORK).date()
        return self.calendar.sessions(today - timedelta(days=14), today - timedelta(days=1))[-1].closes_at

    def since(self) -> datetime:
        """Return the first instant of the plan's history."""
        return self.clock.now() - timedelta(days=365 * self.plan.years - 1)

    def known_at(self, session: Session, ends_at: datetime, *, is_day: bool) -> datetime:
        """Return when a bar of `session` that ended at `ends_at` could first be read."""
        if self.is_history:
            return ends_at + (ASSUMED_DAILY_DELAY if is_day else ASSUMED_DELAY)
        if self.plan.delay is None or self.calls.off_reason(NAME, CURRENT_DAY) is not None:
            return self.calendar.next_session(session.session_on).opens_at
        return ends_at + self.plan.delay
