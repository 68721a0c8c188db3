"""Sessions of the New York Stock Exchange from `exchange_calendars`."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from trading.domain.market import Session, Slot, session_slots
from trading.errors import DataRejected

FIRST_ON = date(2000, 1, 1)
LAST_ON = date(2035, 12, 31)
"""Given explicitly: the library's default range moves with the clock, and replays must not."""


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
            raise DataRejected(f"the calendar ends on {LAST_ON}; move LAST_ON in market_calendar.py")
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
    """Return every session; made on the first question, because the library takes half a second to import."""
    import exchange_calendars

    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST_ON.isoformat(), end=LAST_ON.isoformat())
    schedule = calendar.schedule
    days = schedule.index.to_numpy().astype("datetime64[D]").tolist()
    return tuple(map(Session, days, _instants(schedule["open"]), _instants(schedule["close"])))


def _instants(column: Any) -> list[datetime]:
    """Return a column of UTC instants; as one array, because nine thousand objects one by one take 50 ms of a task."""
    naive = column.dt.tz_convert(None).to_numpy().astype("datetime64[us]").tolist()
    return [at.replace(tzinfo=UTC) for at in naive]
