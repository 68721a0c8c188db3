"""When runs exist: New York sessions, from the exchange's calendar and never from cron.

A run's data interval is the stretch that it looks back on and its logical date is the start of that stretch. The
calendar costs half a second to import, so it is loaded when the first question is asked, not with the DAG file.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable

from trading.domain.market import Session, session_slots
from trading.ports import MarketCalendar
from trading.settings import source_delay_minutes

type Stretch = tuple[datetime, datetime]
"""Start and end of a data interval."""


@cache
def _calendar() -> MarketCalendar:
    from trading.adapters.market_calendar import NyseCalendar

    return NyseCalendar()


class NyseTimetable(Timetable):
    """One run for each session hour, due when the facts of that hour are known: its end plus the source delay."""

    description = "each hour of the New York session and its close"
    reach_days = 10
    """Calendar days within which there is always another run; closures never last that long."""
    by_hand_is_hourly = False
    """Whether a run by hand stands for the youngest session hour and not for an interval of its own kind."""

    @property
    def summary(self) -> str:
        """Return what the DAG list shows."""
        return "NYSE hours"

    def stretches(self, session: Session) -> tuple[Stretch, ...]:
        """Return the data intervals of one session, ascending."""
        return tuple((slot.starts_at, slot.as_of) for slot in session_slots(session))

    def due_at(self, ends_at: datetime) -> datetime:
        """Return when the run of an interval that ended at `ends_at` starts."""
        return ends_at + timedelta(minutes=source_delay_minutes())

    def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
        """Return the youngest interval that was due by `run_after`, the date that a person gave."""
        kind = NyseTimetable() if self.by_hand_is_hourly else self
        return _interval(kind._last_due_by(run_after))

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the next run; without catch-up nothing older than the youngest due one."""
        bounds: list[datetime] = [] if restriction.earliest is None else [restriction.earliest]
        if last_automated_data_interval is not None:
            bounds.append(last_automated_data_interval.start + timedelta(seconds=1))
        if not restriction.catchup:
            bounds.append(self._last_due_by(datetime.now(UTC))[0])
        if not bounds:
            return None
        stretch = self._first_from(max(bounds))
        if restriction.latest is not None and stretch[0] > restriction.latest:
            return None
        return DagRunInfo(run_after=pendulum.instance(self.due_at(stretch[1])), data_interval=_interval(stretch))

    def _first_from(self, start: datetime) -> Stretch:
        days = (start.date(), start.date() + timedelta(days=self.reach_days))
        return next(s for s in self._between(*days) if s[0] >= start)

    def _last_due_by(self, at: datetime) -> Stretch:
        days = (at.date() - timedelta(days=self.reach_days), at.date())
        return next(s for s in reversed(self._between(*days)) if self.due_at(s[1]) <= at)

    def _between(self, first_on: date, last_on: date) -> list[Stretch]:
        return [s for session in _calendar().sessions(first_on, last_on) for s in self.stretches(session)]


class NyseCloseTimetable(NyseTimetable):
    """One run for each session, some minutes after its close, also on half days."""

    description = "after the close of each New York session"
    by_hand_is_hourly = True

    def __init__(self, *, minutes_after: int = 0) -> None:
        self.minutes_after = minutes_after

    @property
    def summary(self) -> str:
        """Return what the DAG list shows."""
        return f"NYSE close + {self.minutes_after} min"

    def stretches(self, session: Session) -> tuple[Stretch, ...]:
        """Return the session itself."""
        return ((session.opens_at, session.closes_at),)

    def due_at(self, ends_at: datetime) -> datetime:
        """Return the close plus the agreed minutes."""
        return ends_at + timedelta(minutes=self.minutes_after)

    def serialize(self) -> dict[str, Any]:
        """Return what rebuilds an equal timetable."""
        return {"minutes_after": self.minutes_after}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> NyseCloseTimetable:
        """Return the timetable that `serialize` described."""
        return cls(**data)


class NyseReplayTimetable(NyseCloseTimetable):
    """One run for each session, but only if a backfill or a person asks.

    The scheduler asks with the DAG's `catchup=False`, a backfill always with catch-up: that tells them apart.
    """

    description = "New York sessions, by backfill or by hand only"
    can_be_scheduled = False
    by_hand_is_hourly = False

    @property
    def summary(self) -> str:
        """Return what the DAG list shows."""
        return "NYSE sessions, never by itself"

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the next session of a backfill, and None to the scheduler."""
        if not restriction.catchup:
            return None
        return super().next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=restriction
        )


class NyseQuarterTimetable(NyseTimetable):
    """The first hour of the first session of each quarter, some minutes after the hourly run of that hour."""

    description = "the first hour of each quarter's first New York session"
    reach_days = 100
    by_hand_is_hourly = True

    def __init__(self, *, minutes_after: int = 0) -> None:
        self.minutes_after = minutes_after

    @property
    def summary(self) -> str:
        """Return what the DAG list shows."""
        return "NYSE, first session of the quarter"

    def stretches(self, session: Session) -> tuple[Stretch, ...]:
        """Return the first hour of a quarter's first session, and nothing for the others."""
        day = session.session_on
        quarter_starts_on = date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
        first = _calendar().sessions(quarter_starts_on, day)[0]
        return super().stretches(session)[:1] if first.session_on == day else ()

    def due_at(self, ends_at: datetime) -> datetime:
        """Return when the hourly run of that hour is due, plus the agreed minutes."""
        return super().due_at(ends_at) + timedelta(minutes=self.minutes_after)

    def serialize(self) -> dict[str, Any]:
        """Return what rebuilds an equal timetable."""
        return {"minutes_after": self.minutes_after}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> NyseQuarterTimetable:
        """Return the timetable that `serialize` described."""
        return cls(**data)


class NyseWeekTimetable(NyseCloseTimetable):
    """One run for each week, some minutes after the close of its last session."""

    description = "after the last close of each New York week"
    reach_days = 20

    @property
    def summary(self) -> str:
        """Return what the DAG list shows."""
        return f"NYSE, last close of the week + {self.minutes_after} min"

    def stretches(self, session: Session) -> tuple[Stretch, ...]:
        """Return the last session of its week, and nothing for the others."""
        day = session.session_on
        later = _calendar().next_session(day).session_on
        return super().stretches(session) if later.isocalendar()[:2] != day.isocalendar()[:2] else ()


def _interval(stretch: Stretch) -> DataInterval:
    return DataInterval(pendulum.instance(stretch[0]), pendulum.instance(stretch[1]))
