"""When no order may travel: the broker's nightly reset and the gateway's restart, on the New York wall clock.

What is sent then may be lost in the pipe, or acted on twice (IB system status page; the image's AUTO_RESTART_TIME).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
FRIDAY, SATURDAY = 4, 5
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class QuietTime:
    """A stretch of some weekdays.

    Attributes:
        from_time, to_time: New York wall clock; the end does not belong to it.
        weekdays: 0 is Monday.
        why: what happens then.
    """

    from_time: time
    to_time: time
    weekdays: frozenset[int]
    why: str


RESETS = (
    QuietTime(time(0, 15), time(1, 45), EVERY_DAY - {SATURDAY}, "Interactive Brokers resets its servers"),
    QuietTime(time(23), time.max, frozenset({FRIDAY}), "Interactive Brokers resets its servers for the weekend"),
    QuietTime(time(0), time(3), frozenset({SATURDAY}), "Interactive Brokers resets its servers for the weekend"),
)
"""IB's resets in North America."""
RESTART_AT = time(23, 45)
"""When a gateway restarts that was left as it came."""
AROUND_RESTART = timedelta(minutes=5)


def quiet_times(restart_at: time = RESTART_AT) -> tuple[QuietTime, ...]:
    """Return the broker's resets, and five minutes on both sides of the gateway's restart [New York wall clock]."""
    why = f"the gateway restarts at {restart_at:%H:%M}"
    middle = datetime.combine(date.min + timedelta(days=1), restart_at)
    first, last = (middle - AROUND_RESTART).time(), (middle + AROUND_RESTART).time()
    if first < last:
        return (*RESETS, QuietTime(first, last, EVERY_DAY, why))
    before, after = QuietTime(first, time.max, EVERY_DAY, why), QuietTime(time(0), last, EVERY_DAY, why)
    return (*RESETS, before, after)


def quiet_time_at(times: Sequence[QuietTime], at: datetime) -> QuietTime | None:
    """Return the quiet time that holds `at`, or None."""
    local = at.astimezone(NEW_YORK)
    return next((q for q in times if local.weekday() in q.weekdays and q.from_time <= local.time() < q.to_time), None)
