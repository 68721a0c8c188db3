"""Polygon's bars: raw, of sessions only, complete only, and never of a day that the plan does not show."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from trading.adapters.http import NotEntitled
from trading.adapters.sources.polygon_client import PolygonClient
from trading.adapters.sources.polygon_plan import BARS, CURRENT_DAY, NAME, NEW_YORK, Reach
from trading.analysis.quality import expected_windows
from trading.domain.instruments import GOLD, SILVER, VIX, Symbol
from trading.domain.market import Bar, Resolution, Session, TimeWindow

MINUTES = {Resolution.HALF_HOUR: 30, Resolution.DAY: None}
DAYS_AT_ONCE, FEW_CALLS, MANY_NAMES = 3, 60, 50
"""Up to so many days are taken from replies with all tickers, on plans with fewer calls a minute or for more names."""
TIMEFRAME = "timeframe"
"""The word by which a refusal of the days asked for differs from a refusal of the endpoint."""
_MILLISECOND = timedelta(milliseconds=1)

log = logging.getLogger(__name__)


class PolygonBars:
    """`BarSource` on Polygon. Half hours and days; hours are built from half hours (theirs are clock-anchored).

    Threads may ask at the same time.

    Args:
        names: for how many symbols bars are asked in one task, about.
    """

    name = NAME

    def __init__(self, client: PolygonClient, reach: Reach, *, names: int = 0) -> None:
        self._client, self._reach, self._names = client, reach, names
        self._days: dict[date, dict[Symbol, Any]] = {}
        self._days_lock = threading.Lock()

    def served_until(self, symbol: Symbol, resolution: Resolution, as_of: datetime) -> datetime | None:
        """Return `as_of`, or the previous close on a plan without the current day.

        None for hours, the VIX and spot metals.
        """
        is_served = symbol not in (VIX, GOLD, SILVER) and resolution in MINUTES
        return self._reach.until(as_of) if is_served else None

    def bars(self, symbol: Symbol, window: TimeWindow, resolution: Resolution) -> Iterator[Bar]:
        """Return the session bars that start in `window` and ended by its end, ascending."""
        if (reason := self._reach.calls.off_reason(NAME, BARS)) is not None:
            raise NotEntitled(f"{NAME}: bars are off for today ({reason}); use another source", vendor=NAME)
        starts_at = max(window.starts_at, self._reach.since())
        ends_at = min(window.ends_at, self._reach.until(window.ends_at))
        try:
            yield from self._fetch(symbol, TimeWindow(starts_at, ends_at), resolution)
        except NotEntitled as refusal:
            clamped = self._reach.previous_close()
            if TIMEFRAME not in refusal.excerpt:
                self._switch_off(BARS, "the plan does not include them")
                raise
            if ends_at <= clamped:
                raise
            self._switch_off(CURRENT_DAY, "the plan does not include it")
            yield from self._fetch(symbol, TimeWindow(starts_at, clamped), resolution)

    def _fetch(self, symbol: Symbol, window: TimeWindow, resolution: Resolution) -> list[Bar]:
        if window.starts_at >= window.ends_at:
            return []
        if not (grid := self._grid(window, resolution)):
            return []
        if resolution is Resolution.DAY and self._is_cheaper_by_day(grid):
            days = ((place, self._day(place[0].session_on).get(symbol)) for place in grid.values())
            return [self._bar(symbol, resolution, *place, row) for place, row in days if row is not None]
        day = window.starts_at.astimezone(NEW_YORK).replace(hour=0, minute=0, second=0, microsecond=0)
        from_at = day if resolution is Resolution.DAY else window.starts_at
        rows = self._client.bars(
            quote(symbol, safe=""), MINUTES[resolution], _milliseconds(from_at), _milliseconds(window.ends_at)
        )
        placed = ((grid.get(self._key(row, resolution)), row) for row in rows)
        return [self._bar(symbol, resolution, *place, row) for place, row in placed if place is not None]

    def _is_cheaper_by_day(self, grid: dict[object, tuple[Session, TimeWindow]]) -> bool:
        """Whether the days are so few that one reply with all tickers of each is cheaper than a call a symbol.

        Only days that are over: the vendor shows the part of a day as if it were the day.
        """
        now = self._reach.clock.now()
        is_short = 0 < len(grid) <= DAYS_AT_ONCE and all(span.ends_at <= now for _, span in grid.values())
        return is_short and (self._reach.plan.calls_per_minute < FEW_CALLS or self._names > MANY_NAMES)

    def _day(self, on: date) -> dict[Symbol, Any]:
        """Return the rows of one day by ticker, asked for once a task; stamped with another day they are none."""
        with self._days_lock:
            if on not in self._days:
                rows = (row for row in self._client.day(on) if row.ticker)
                self._days[on] = {row.ticker: row for row in rows if self._key(row, Resolution.DAY) == on}
            return self._days[on]

    def _grid(self, window: TimeWindow, resolution: Resolution) -> dict[object, tuple[Session, TimeWindow]]:
        """Return session and span by what a row's time stamp names: its start, or for days its date in New York."""
        sessions = self._reach.calendar.sessions(window.starts_at.date(), window.ends_at.date())
        grid: dict[object, tuple[Session, TimeWindow]] = {}
        for session in sessions:
            for span in expected_windows([session], resolution, through=window.ends_at):
                if span.starts_at >= window.starts_at:
                    grid[session.session_on if resolution is Resolution.DAY else span.starts_at] = (session, span)
        return grid

    def _key(self, row: Any, resolution: Resolution) -> object:
        if not isinstance(row.timestamp, int):
            return None
        at = datetime.fromtimestamp(0, UTC) + row.timestamp * _MILLISECOND
        return at.astimezone(NEW_YORK).date() if resolution is Resolution.DAY else at

    def _bar(self, symbol: Symbol, resolution: Resolution, session: Session, span: TimeWindow, row: Any) -> Bar:
        known_at = self._reach.known_at(session, span.ends_at, is_day=resolution is Resolution.DAY)
        return Bar(
            symbol, resolution, span.starts_at, span.ends_at,
            _number(row.open), _number(row.high), _number(row.low), _number(row.close), _number(row.volume),
            NAME, known_at,
        )  # fmt: skip

    def _switch_off(self, capability: str, reason: str) -> None:
        if self._reach.calls.off_reason(NAME, capability) is None:
            log.warning("%s: %s is off until midnight UTC: %s", NAME, capability, reason)
            self._reach.calls.switch_off(NAME, capability, reason=reason)


def _number(value: object) -> float:
    """Return what is absent or no number as NaN: the quality walls refuse and keep the bar."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
