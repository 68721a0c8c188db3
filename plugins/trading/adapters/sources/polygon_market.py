"""What Polygon says about the exchange itself, and about the plan that it answers for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from trading.adapters.sources.polygon_client import PolygonClient
from trading.adapters.sources.polygon_plan import NAME, NEW_YORK
from trading.adapters.sources.vendor_values import instant_of
from trading.domain.market import SessionNotice
from trading.errors import DataRejected, NotEntitled, VendorError, VendorRefused
from trading.ports import Clock, MarketCalendar
from trading.ports.calls import CallLedger

EXCHANGE = "NYSE"
PROBED = "SPY"
"""A ticker that every plan has."""
LATE = timedelta(minutes=5)
"""A snapshot that is older while the market is open comes from a delayed plan."""
CLOSED, EARLY = "closed", "early-close"

log = logging.getLogger(__name__)


class PolygonHolidays:
    """`HolidaySource`: New York's coming holidays and early closes, and a closure that is going on now."""

    name = NAME

    def __init__(self, client: PolygonClient, calendar: MarketCalendar) -> None:
        self._client, self._calendar = client, calendar

    def upcoming(self) -> Iterator[SessionNotice]:
        """Return the notices of New York's coming weeks, ascending, each day once."""
        notices = {notice.on: notice for row in self._client.holidays() if (notice := _notice(row)) is not None}
        if (today := self._closed_today()) is not None:
            notices.setdefault(today, SessionNotice(today, None))
        yield from (notices[on] for on in sorted(notices))

    def _closed_today(self) -> date | None:
        """Return today, where the exchange says that it is closed in the middle of a session of our calendar."""
        status = self._client.status()
        exchanges = getattr(status.exchanges, "nyse", None) if status.exchanges is not None else None
        at = instant_of(NAME, status.server_time) if status.server_time else None
        if exchanges != CLOSED or at is None:
            return None
        on = at.astimezone(NEW_YORK).date()
        session = self._calendar.session(on)
        return on if session is not None and session.opens_at <= at < session.closes_at else None


class PlanProbe:
    """What the vendor answers, once a UTC day for all processes: three calls, whose result is stored for `doctor`."""

    def __init__(self, client: PolygonClient, calls: CallLedger, clock: Clock, calendar: MarketCalendar) -> None:
        self._client, self._calls, self._clock, self._calendar = client, calls, clock, calendar
        self._is_done = False

    def once(self) -> None:
        """Ask, unless somebody did today. An outage ends it quietly: a probe never stands in the way of data."""
        if self._is_done:
            return
        self._is_done = True
        if not self._calls.claim_probe(NAME):
            return
        try:
            told = self._plan()
        except VendorError as error:
            log.warning("%s: its plan could not be probed: %s", NAME, error)
            return
        self._calls.note_probe(NAME, told)

    def _plan(self) -> str:
        """Return the plans that answer like this, in words that begin with their names."""
        if _has(lambda: self._client.previous_close(PROBED)) is None:
            return "none: not even the previous close is included"
        snapshot: Any = _has(lambda: self._client.snapshot(PROBED))
        ratios = "with" if _has(lambda: self._client.ratios(PROBED)) is not None else "without"
        if snapshot is None:
            return f"basic, {ratios} financials"
        return f"{self._paid(getattr(snapshot, 'updated', None))}, {ratios} financials"

    def _paid(self, updated_ns: object) -> str:
        """Return which paid plan it is: only while the market is open can a late one be told from a prompt one."""
        now = self._clock.now()
        session = self._calendar.session(now.astimezone(NEW_YORK).date())
        is_open = session is not None and session.opens_at + 2 * LATE <= now < session.closes_at
        if not is_open or not isinstance(updated_ns, int) or updated_ns <= 0:
            return "starter, developer or advanced"
        age = now - datetime.fromtimestamp(updated_ns / 1e9, UTC)
        return "starter or developer" if age > LATE else "advanced"


def _has[Answer](ask: Callable[[], Answer]) -> Answer | None:
    """Return an answer, or None where the plan does not include it."""
    try:
        return ask()
    except NotEntitled:
        return None


def _notice(row: Any) -> SessionNotice | None:
    """Return what a row says about New York; None for other exchanges."""
    if row.exchange != EXCHANGE:
        return None
    try:
        on = date.fromisoformat(str(row.date))
    except ValueError:
        raise DataRejected(f"{NAME}: {str(row.date)[:20]!r} is not a date; no holiday was read") from None
    if row.status == CLOSED:
        return SessionNotice(on, None)
    if row.status == EARLY and row.close:
        return SessionNotice(on, instant_of(NAME, row.close))
    raise VendorRefused(
        f"{NAME}: {on} is announced as {str(row.status)[:20]!r}, which is unknown here; look it up", vendor=NAME
    )
