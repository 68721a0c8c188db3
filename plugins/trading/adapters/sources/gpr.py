"""The geopolitical-risk index of Caldara and Iacoviello, from daily values to months."""

from __future__ import annotations

import struct
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from io import BytesIO

from trading.adapters.http import HttpClient, Quota, VendorTerms
from trading.domain.market import MacroPoint, MacroSeries, TimeWindow
from trading.errors import DataRejected

BASE_URL = "https://www.matteoiacoviello.com"
PATH = "/gpr_files/data_gpr_daily_recent.dta"
"""The .xls beside it needs a reader of its own; this twin is read by pandas alone."""
PUBLISHED_AFTER = timedelta(days=7)
"""The file tells no publication days; it is refreshed weekly."""
_UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, OverflowError, OSError, struct.error)
"""What pandas raises for a file that is none, is cut off or lacks a column."""


def gpr_terms(*, base_url: str = BASE_URL) -> VendorTerms:
    """Return what is agreed with the index's authors: nothing; the file is public, so it is asked for rarely."""
    return VendorTerms("gpr", base_url, Quota(per_window=5, window_seconds=60))


class GprSource:
    """`MacroSource`: monthly means of the daily index, each known a week after its month's last day."""

    name = "gpr"

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def macro(self, window: TimeWindow) -> Iterator[MacroPoint]:
        """Return the months that became known in `window`."""
        for point in monthly_means(self._http.get(PATH).body):
            if window.starts_at <= point.known_at < window.ends_at:
                yield point


def monthly_means(body: bytes) -> tuple[MacroPoint, ...]:
    """Return the mean of each month, ascending; a month that lacks a day's value is left out.

    Raises:
        DataRejected: the file is no Stata file with the columns `date` and `GPRD`.
    """
    import pandas as pd  # it takes a second to load, and only this file needs it

    try:
        table = pd.read_stata(BytesIO(body), columns=["date", "GPRD"]).dropna()
        days = table["date"].dt.date.tolist()
        values = table["GPRD"].astype(float).tolist()
    except _UNREADABLE as error:
        raise DataRejected(
            f"the GPR file is not as expected ({type(error).__name__}); nothing was stored, look for an update of "
            "Airdesk"
        ) from None
    months: dict[date, dict[date, float]] = {}
    for day, value in zip(days, values, strict=True):
        # Stata may hold infinity; an index is positive and far below this wall.
        if 0 <= value < 1e6:
            months.setdefault(day.replace(day=1), {})[day] = value
    return tuple(
        _point(month, list(of_month.values()))
        for month, of_month in sorted(months.items())
        if len(of_month) == monthrange(month.year, month.month)[1]
    )


def _point(month: date, values: list[float]) -> MacroPoint:
    last_on = month.replace(day=len(values))
    known_at = datetime.combine(last_on + PUBLISHED_AFTER, time(0), UTC)
    return MacroPoint(MacroSeries.GPR, month, sum(values) / len(values), GprSource.name, known_at)
