"""Sessions of the New York Stock Exchange, from the table of its closed days."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from trading.adapters.xnys import CLOSED, CLOSED_EARLY, FIRST_ON, LAST_ON, days_of
from trading.domain.market import Session, Slot, session_slots
from trading.errors import DataRejected

NEW_YORK = ZoneInfo("America/New_York")
OPENS = time(9, 30)
WHOLE, EARLY = timedelta(hours=6, minutes=30), timedelta(hours=3, minutes=30)
"""How long a session lasts: to 16:00, or to 13:00."""


class NyseCalendar:
    """`MarketCalendar` for XNYS between `FIRST_ON` and `LAST_ON`."""

    def sessions(self, first_on: date, last_on: date) -> tuple[Session, ...]:
        """Return the sessions in [first_on, last_on], ascending."""
        _check(first_on)
        _check(last_on)
        every = _sessions()
        return every[bisect_left(every, first_on, key=_day) : bisect_right(every, last_on, key=_day)]

    def session(self, on: date) -> Session | None:
        """Return the session of that day, or None when the exchange is closed."""
        return next(iter(self.sessions(on, on)), None)

    def latest_slot(self, at: datetime) -> Slot:
        """Return the youngest session hour that ended at or before `at`."""
        every = _sessions()
        _check(at.date())
        started = bisect_left(every, at, key=_opening)
        for session in reversed(every[max(0, started - 2) : started]):
            ended = [slot for slot in session_slots(session) if slot.as_of <= at]
            if ended:
                return ended[-1]
        raise DataRejected(f"no session hour ended at or before {at:%Y-%m-%d %H:%M}; name an instant after {FIRST_ON}")

    def slot_at(self, as_of: datetime) -> Slot | None:
        """Return the session hour that ends exactly at `as_of`, or None."""
        _check(as_of.date())
        every = _sessions()
        started = bisect_left(every, as_of, key=_opening)
        candidates = session_slots(every[started - 1]) if started else ()
        return next((slot for slot in candidates if slot.as_of == as_of), None)

    def next_session(self, after: date) -> Session:
        """Return the first session later than `after`."""
        _check(after)
        every = _sessions()
        index = bisect_right(every, after, key=_day)
        if index == len(every):
            raise DataRejected(f"the calendar ends on {LAST_ON}; extend the table in xnys.py")
        return every[index]


def _day(session: Session) -> date:
    return session.session_on


def _opening(session: Session) -> datetime:
    return session.opens_at


def _check(on: date) -> None:
    if not FIRST_ON <= on <= LAST_ON:
        raise DataRejected(f"the calendar covers {FIRST_ON} to {LAST_ON}, not {on}; correct the date")


@cache
def _sessions() -> tuple[Session, ...]:
    """Return every session; made on the first question."""
    closed, early = frozenset(days_of(CLOSED)), frozenset(days_of(CLOSED_EARLY))
    every = (FIRST_ON + timedelta(days=n) for n in range((LAST_ON - FIRST_ON).days + 1))
    return tuple(_session(on, EARLY if on in early else WHOLE) for on in every if _is_open(on, closed))


def _is_open(on: date, closed: frozenset[date]) -> bool:
    return on.weekday() < 5 and on not in closed


def _session(on: date, lasts: timedelta) -> Session:
    # Clocks are changed on Sundays, so that a session is as long in UTC as in New York.
    opens_at = datetime.combine(on, OPENS, NEW_YORK).astimezone(UTC)
    return Session(on, opens_at, opens_at + lasts)
