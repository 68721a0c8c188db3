"""The VIX of past days from Cboe's own file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from itertools import pairwise

from trading.adapters.http import HttpClient, Quota, VendorTerms
from trading.adapters.http.redaction import cause_of
from trading.domain.instruments import VIX, Symbol
from trading.domain.market import Bar, Resolution, TimeWindow
from trading.errors import DataRejected
from trading.ports import MarketCalendar

BASE_URL = "https://cdn.cboe.com"
PATH = "/api/global/us_indices/daily_prices/VIX_History.csv"
COLUMNS = ["DATE", "OPEN", "HIGH", "LOW", "CLOSE"]
_LONGEST_BREAK = timedelta(days=14)


def cboe_terms(*, base_url: str = BASE_URL) -> VendorTerms:
    """Return what is agreed with Cboe: nothing; the file is public, so it is asked for rarely."""
    return VendorTerms("cboe", base_url, Quota(per_window=10, window_seconds=60), max_body_bytes=8_000_000)


class CboeVixSource:
    """`BarSource` of the VIX, daily. A day is in the file that evening and counts from the next session's open."""

    name = "cboe"

    def __init__(self, http: HttpClient, calendar: MarketCalendar) -> None:
        self._http, self._calendar = http, calendar

    def served_until(self, symbol: Symbol, resolution: Resolution, as_of: datetime) -> datetime | None:
        """Return the close of the newest session that may be read at `as_of`; None for all but daily VIX."""
        if symbol != VIX or resolution is not Resolution.DAY:
            return None
        sessions = self._calendar.sessions((as_of - _LONGEST_BREAK).date(), as_of.date())
        known = [s for s, after in pairwise(sessions) if after.opens_at <= as_of]
        return known[-1].closes_at if known else None

    def bars(self, symbol: Symbol, window: TimeWindow, resolution: Resolution) -> Iterator[Bar]:
        """Return the days of the VIX that lie in `window`, ascending; who asks goes by `served_until`."""
        if symbol != VIX or resolution is not Resolution.DAY:
            return
        text = self._http.get_text(PATH)
        for bar in daily_vix(text, window.starts_at.date(), window.ends_at.date(), calendar=self._calendar):
            if window.starts_at <= bar.starts_at and bar.ends_at <= window.ends_at:
                yield bar


def daily_vix(text: str, first_on: date, last_on: date, *, calendar: MarketCalendar) -> Iterator[Bar]:
    """Yield the days in [first_on, last_on] as bars without volume; the VIX of a day without a session is left out.

    Raises:
        DataRejected: the shape changed, a day is listed twice or the file is empty.
    """
    rows = _rows(text)
    for session in calendar.sessions(first_on, last_on):
        if (values := rows.get(session.session_on)) is None:
            continue
        known_at = calendar.next_session(session.session_on).opens_at
        yield Bar(
            VIX, Resolution.DAY, session.opens_at, session.closes_at, *values, 0.0, CboeVixSource.name, known_at
        )  # fmt: skip


def _rows(text: str) -> dict[date, tuple[float, float, float, float]]:
    try:
        return _parsed(text)
    except (ValueError, csv.Error) as error:
        raise DataRejected(
            f"Cboe's VIX file is not as expected ({cause_of(error)}); nothing was stored, look for an update of Airdesk"
        ) from None


def _parsed(text: str) -> dict[date, tuple[float, float, float, float]]:
    reader = csv.reader(StringIO(text))
    if (header := next(reader, None)) != COLUMNS:
        raise ValueError(f"its columns are {header}")
    rows: dict[date, tuple[float, float, float, float]] = {}
    for written, *values in filter(None, reader):
        on = datetime.strptime(written, "%m/%d/%Y").replace(tzinfo=UTC).date()
        if on in rows:
            raise ValueError(f"{on} is listed twice")
        opened, high, low, close = map(float, values)
        rows[on] = opened, high, low, close
    if not rows:
        raise ValueError("it has no row")
    return rows
