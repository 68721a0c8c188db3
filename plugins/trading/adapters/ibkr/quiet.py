"""When no order may travel: the broker's nightly reset and the gateway's restart, on the New York wall clock.

What is sent then may be lost in the pipe, or acted on twice (IB system status page; the image's AUTO_RESTART_TIME).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
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


QUIET_TIMES = (
    QuietTime(time(0, 15), time(1, 45), EVERY_DAY - {SATURDAY}, "Interactive Brokers resets its servers"),
    QuietTime(time(23), time.max, frozenset({FRIDAY}), "Interactive Brokers resets its servers for the weekend"),
    QuietTime(time(0), time(3), frozenset({SATURDAY}), "Interactive Brokers resets its servers for the weekend"),
    QuietTime(time(23, 40), time(23, 50), EVERY_DAY, "the gateway restarts at 23:45"),
)
"""Defaults: IB's reset in North America, and five minutes on both sides of the gateway's default restart."""


def quiet_time_at(times: Sequence[QuietTime], at: datetime) -> QuietTime | None:
    """Return the quiet time that holds `at`, or None."""
    local = at.astimezone(NEW_YORK)
    return next((q for q in times if local.weekday() in q.weekdays and q.from_time <= local.time() < q.to_time), None)
