"""When no order may travel."""

from __future__ import annotations

import pytest
from trading.adapters.ibkr.quiet import QUIET_TIMES, quiet_time_at

from tests.fakes import ny


@pytest.mark.parametrize(
    "at",
    [
        "2019-06-03 00:15", "2019-06-04 01:44", "2019-06-09 00:30", "2019-06-07 23:00", "2019-06-08 02:59",
        "2019-06-03 23:40", "2019-06-03 23:49", "2019-01-07 00:15",
    ],
)  # fmt: skip
def test_reset_and_restart_are_quiet_in_summer_and_winter(at: str) -> None:
    assert quiet_time_at(QUIET_TIMES, ny(at)) is not None


@pytest.mark.parametrize(
    "at", ["2019-06-03 09:30", "2019-06-03 15:59", "2019-06-03 23:39", "2019-06-03 23:50", "2019-06-08 03:00"]
)
def test_the_session_and_the_minutes_beside_a_restart_are_not(at: str) -> None:
    assert quiet_time_at(QUIET_TIMES, ny(at)) is None
