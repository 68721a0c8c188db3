"""A short soak of every family: faults struck, the desk traded, and no promise broke."""

from __future__ import annotations

import logging

import pytest
from trading.drills.soak.plan import Family
from trading.drills.soak.soaking import Tally, planned, run_soak

SEED, SESSIONS = 15, 3
ELSEWHERE = {Family.LISTS}
"""Not drawn by this seed in three days; `test_missing_orders` strikes it at the same gateway."""


@pytest.fixture(scope="module")
def soaked(tmp_path_factory) -> Tally:
    logging.getLogger("ib_insync").setLevel(logging.CRITICAL)
    home = tmp_path_factory.mktemp("soak")
    return run_soak(planned(SEED, SESSIONS), home=home, log_file=home / "soak.log")


def test_weeks_of_faults_of_every_family_break_no_promise(soaked) -> None:
    assert [str(broken) for broken in soaked.broken] == []


def test_the_soak_struck_and_the_desk_worked(soaked) -> None:
    hours = soaked.counts["hours"]
    assert hours >= 6 * SESSIONS
    assert soaked.counts["decisions"] > 0.7 * hours, "a fault may keep an hour from being decided"
    assert soaked.counts["retried"] > 0
    assert soaked.counts["sent"] > 0
    assert {family for family in Family if not soaked.struck[family]} <= ELSEWHERE
    assert soaked.counts["days equal"] > 0, "the calm day"
