"""When no order may travel."""

from __future__ import annotations

from datetime import time

import pytest
from trading.adapters.ibkr.quiet import quiet_time_at, quiet_times

from tests.fakes import ny


@pytest.mark.parametrize(
    "at",
    [
        "2019-06-03 00:15", "2019-06-04 01:44", "2019-06-09 00:30", "2019-06-07 23:00", "2019-06-08 02:59",
        "2019-06-03 23:40", "2019-06-03 23:49", "2019-01-07 00:15",
    ],
)  # fmt: skip
def test_reset_and_restart_are_quiet_in_summer_and_winter(at: str) -> None:
    assert quiet_time_at(quiet_times(), ny(at)) is not None


@pytest.mark.parametrize(
    "at", ["2019-06-03 09:30", "2019-06-03 15:59", "2019-06-03 23:39", "2019-06-03 23:50", "2019-06-08 03:00"]
)
def test_the_session_and_the_minutes_beside_a_restart_are_not(at: str) -> None:
    assert quiet_time_at(quiet_times(), ny(at)) is None


@pytest.mark.parametrize(
    ("restart_at", "quiet", "not_quiet"),
    [
        (time(21, 0), ["2019-06-03 20:55", "2019-06-03 21:04"], ["2019-06-03 20:54", "2019-06-03 21:05"]),
        (time(23, 59), ["2019-06-03 23:54", "2019-06-04 00:03"], ["2019-06-03 23:53", "2019-06-04 00:04"]),
        (time(0, 2), ["2019-06-03 23:57", "2019-06-04 00:06"], ["2019-06-03 23:56", "2019-06-04 00:07"]),
    ],
)
def test_the_gateways_restart_is_quiet_wherever_it_was_set_to(
    restart_at: time, quiet: list[str], not_quiet: list[str]
) -> None:
    times = quiet_times(restart_at)
    assert [quiet_time_at(times, ny(at)) is not None for at in quiet] == [True, True]
    assert [quiet_time_at(times, ny(at)) for at in not_quiet] == [None, None]
    assert quiet_time_at(times, ny("2019-06-03 23:45")) is None
