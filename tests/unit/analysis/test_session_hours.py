"""Session hours: seven a day from 09:30 New York, four on a half day, and none where a half is missing."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.analysis.facts import Facts
from trading.analysis.session_hours import session_hours
from trading.analysis.technicals import LastPrices
from trading.domain.market import Bar, Resolution
from trading.domain.series import BarSeries

from tests.builders import series_of
from tests.unit.analysis.worlds import half_hours, times_of
from tests.vendor_fixtures import fixture

CALENDAR = NyseCalendar()
NEW_YORK = ZoneInfo("America/New_York")
GAPPED, HALF, SUMMER, WINTER = date(2026, 11, 25), date(2026, 11, 27), date(2026, 10, 30), date(2026, 11, 2)
FILES = {
    GAPPED: "aggs_30min_2026-11-25_and_halfday_27",
    HALF: "aggs_30min_2026-11-25_and_halfday_27",
    SUMMER: "aggs_30min_dst_2026-10-30_and_11-02",
    WINTER: "aggs_30min_dst_2026-10-30_and_11-02",
}


def vendor_bars(day: date) -> list[Bar]:
    """Return all bars of a recorded reply, those before the open and after the close too."""
    rows = json.loads(fixture(f"polygon/made/{FILES[day]}.json"))["results"]
    bars = []
    for row in rows:
        starts_at = datetime.fromtimestamp(row["t"] / 1000, UTC)
        ends_at = starts_at + timedelta(minutes=30)
        values = (row["o"], row["h"], row["l"], row["c"], row["v"])
        bars.append(Bar("TEST", Resolution.HALF_HOUR, starts_at, ends_at, *values, "test", ends_at))
    return bars


def hours_of(bars: list[Bar], day: date) -> BarSeries:
    return session_hours(series_of("TEST", Resolution.HALF_HOUR, bars), CALENDAR.sessions(day, day))


def new_york(instants) -> list[str]:
    return [f"{at.replace(tzinfo=UTC).astimezone(NEW_YORK):%H:%M}" for at in instants.tolist()]


FULL_DAY = ["09:30", "10:30", "11:30", "12:30", "13:30", "14:30", "15:30"]


@pytest.mark.parametrize(
    ("day", "starts", "last_end"),
    [
        (HALF, FULL_DAY[:4], "13:00"),
        (SUMMER, FULL_DAY, "16:00"),
        (WINTER, FULL_DAY, "16:00"),
    ],
    ids=["half day", "before the clock change", "after the clock change"],
)
def test_a_recorded_day_has_the_hours_of_its_session(day, starts, last_end) -> None:
    bars = vendor_bars(day)
    hours = hours_of(bars, day)
    assert new_york(hours.starts_at) == starts
    assert new_york(hours.ends_at) == [*starts[1:], last_end]
    assert hours.resolution is Resolution.HOUR
    for row, (starts_at, ends_at) in enumerate(zip(hours.starts_at.tolist(), hours.ends_at.tolist(), strict=True)):
        inside = [b for b in bars if starts_at <= b.starts_at.replace(tzinfo=None) < ends_at]
        assert len(inside) == (1 if row == len(starts) - 1 else 2)
        assert (hours.open[row], hours.close[row]) == (inside[0].open, inside[-1].close)
        assert (hours.high[row], hours.low[row]) == (max(b.high for b in inside), min(b.low for b in inside))
        assert hours.volume[row] == sum(b.volume for b in inside)
        assert hours.known_at[row] == hours.ends_at[row]


@pytest.mark.parametrize(
    ("lost", "gone"), [("09:30", "09:30"), ("10:00", "09:30"), ("13:00", "12:30"), ("15:30", "15:30")]
)
def test_an_hour_that_lacks_a_half_is_left_out(lost, gone) -> None:
    kept = [b for b in vendor_bars(SUMMER) if f"{b.starts_at.astimezone(NEW_YORK):%H:%M %d}" != f"{lost} 30"]
    assert new_york(hours_of(kept, SUMMER).starts_at) == [at for at in FULL_DAY if at != gone]


def test_a_recorded_day_without_one_half_hour_has_six_hours() -> None:
    hours = hours_of(vendor_bars(GAPPED), GAPPED)
    assert new_york(hours.starts_at) == [at for at in FULL_DAY if at != "11:30"]


def test_two_halves_of_different_hours_make_none() -> None:
    kept = [b for b in vendor_bars(SUMMER) if f"{b.starts_at.astimezone(NEW_YORK):%H:%M}" in {"10:00", "10:30"}]
    assert len(hours_of(kept, SUMMER)) == 0


def test_no_bars_and_no_sessions_make_no_hours() -> None:
    nothing = series_of("TEST", Resolution.HALF_HOUR, [])
    assert len(session_hours(nothing, CALENDAR.sessions(SUMMER, SUMMER))) == 0
    assert len(session_hours(series_of("TEST", Resolution.HALF_HOUR, vendor_bars(GAPPED)), [])) == 0
    assert len(hours_of(vendor_bars(GAPPED), SUMMER)) == 0


def test_a_decision_reads_the_close_of_its_session_hour() -> None:
    first_on, last_on = date(2019, 11, 25), date(2019, 12, 3)  # Holds a half day.
    series = half_hours("GLD", lambda n: 100 + n / 8, first_on, last_on)
    hours = session_hours(series, CALENDAR.sessions(first_on, last_on))
    times = times_of(first_on, last_on)
    np.testing.assert_array_equal(hours.ends_at, times.as_of)
    prices = LastPrices(Facts(bars={("GLD", Resolution.HALF_HOUR): series}), times, daily_pricing=True).price("GLD")
    np.testing.assert_array_equal(prices, hours.close)
