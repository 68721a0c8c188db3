"""Consumer prices from FRED, each month as first published."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from trading.adapters.http import HttpClient, KeyPlace, Quota, VendorTerms
from trading.adapters.http.redaction import cause_of
from trading.domain.market import MacroPoint, MacroSeries, TimeWindow
from trading.errors import DataRejected
from trading.ports import MarketCalendar

BASE_URL = "https://api.stlouisfed.org"
SERIES = {MacroSeries.CPI_NSA: "CPIAUCNS"}
"""Not seasonally adjusted: the adjusted one is computed anew every year."""
MISSING = "."
_CLOSED_AT_MOST = timedelta(days=10)
"""From a publication to the next session's open it is never longer."""
_PUBLISHED_WITHIN = timedelta(days=180)
"""Months that ended longer ago than this were published already."""


def fred_terms(api_key: str, *, base_url: str = BASE_URL) -> VendorTerms:
    """Return what is agreed with FRED: 120 calls a minute, bursts over 2 a second are cut, the key is a parameter."""
    quota = Quota(per_window=100, window_seconds=60, pause_seconds=0.6)
    return VendorTerms("fred", base_url, quota, key_name="api_key", key_place=KeyPlace.QUERY, secret=api_key)


class FredSource:
    """`MacroSource`: consumer prices with vintages. A value counts from the session after its publication."""

    name = "fred"

    def __init__(self, http: HttpClient, calendar: MarketCalendar) -> None:
        self._http, self._calendar = http, calendar

    def macro(self, window: TimeWindow) -> Iterator[MacroPoint]:
        """Return months whose first publication became known in `window`."""
        # The real-time period is bounded: FRED refuses one with more than 2,000 vintages. What was published before
        # it comes back as if published on its first day, which is early enough to be known before the window.
        first_on, last_on = window.starts_at.date() - _CLOSED_AT_MOST, window.ends_at.date()
        for series, series_id in SERIES.items():
            said = self._http.get_json(
                "/fred/series/observations",
                {
                    "series_id": series_id,
                    "realtime_start": first_on.isoformat(),
                    "realtime_end": last_on.isoformat(),
                    "observation_start": (first_on - _PUBLISHED_WITHIN).isoformat(),
                    "file_type": "json",
                },
            )
            for point in first_published(said, series, calendar=self._calendar):
                if window.starts_at <= point.known_at < window.ends_at:
                    yield point


def first_published(said: Any, series: MacroSeries, *, calendar: MarketCalendar) -> tuple[MacroPoint, ...]:
    """Return each month with the first value that FRED had for it, ascending; a missing value is no publication.

    Raises:
        DataRejected: the shape changed.
    """
    try:
        first = _first_values(said)
    except (KeyError, TypeError, ValueError) as error:
        raise DataRejected(
            f"FRED's observations have another shape than expected ({cause_of(error)}); nothing was stored, "
            "look for an update of Airdesk"
        ) from None
    return tuple(
        MacroPoint(series, month, value, FredSource.name, calendar.next_session(vintage_on).opens_at)
        for month, (vintage_on, value) in sorted(first.items())
    )


def _first_values(said: Any) -> dict[date, tuple[date, float]]:
    """Return (first day of publication, value) of each month."""
    rows = said["observations"]
    if len(rows) < int(said["count"]):
        raise ValueError("not all observations are in the reply")
    first: dict[date, tuple[date, float]] = {}
    for row in rows:
        if (published := _published(row)) is not None:
            month = date.fromisoformat(row["date"])
            first[month] = min(published, first.get(month, published))
    return first


def _published(row: Mapping[str, str]) -> tuple[date, float] | None:
    if row["value"] == MISSING:
        return None
    value = float(row["value"])
    if not math.isfinite(value):
        raise ValueError(f"{row['value']!r} is no value")
    return date.fromisoformat(row["realtime_start"]), value
