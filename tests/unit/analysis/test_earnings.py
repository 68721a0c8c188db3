"""The surprise that a decision may see: of the newest report known then, and only for a quarter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from trading.analysis.earnings import earnings_columns, readable_at
from trading.domain.market import EarningsReport
from trading.domain.panel import Why
from trading.strategy.three_sector import UNIVERSE

from tests.unit.analysis.worlds import laid_out, times_of

FIRST, LAST = date(2026, 7, 27), date(2026, 11, 27)
TIMES = times_of(FIRST, LAST)
AAPL, GLD = UNIVERSE.traded.index("AAPL"), UNIVERSE.traded.index("GLD")
REPORT = EarningsReport(
    "AAPL", date(2026, 6, 30), date(2026, 7, 28), 1.53, 1.50, "alphavantage", datetime(2026, 7, 29, 13, 30, tzinfo=UTC)
)
NEXT = replace(
    REPORT, period_ends_on=date(2026, 9, 30), reported_on=date(2026, 10, 29), eps_reported=1.2,
    known_at=datetime(2026, 10, 30, 13, 30, tzinfo=UTC),
)  # fmt: skip


def seen(*reports, on, symbol=AAPL):
    columns = laid_out(earnings_columns(reports, UNIVERSE, TIMES))
    row = int(np.flatnonzero(TIMES.session_on == np.datetime64(on))[0])
    return columns["earnings_surprise_frac"][row, symbol], columns["why_earnings"][row, symbol]


def test_a_surprise_is_a_fraction_of_what_was_expected_and_unknown_without_an_expectation():
    assert REPORT.surprise_frac == pytest.approx(0.02)
    assert replace(REPORT, eps_reported=-0.1, eps_estimated=-0.2).surprise_frac == pytest.approx(0.5)
    assert replace(REPORT, eps_estimated=None).surprise_frac is None
    assert replace(REPORT, eps_estimated=0.0).surprise_frac is None


def test_a_surprise_is_seen_from_the_open_on_at_which_it_counts():
    assert np.isnan(seen(REPORT, on=date(2026, 7, 28))[0])
    assert seen(REPORT, on=date(2026, 7, 29)) == (pytest.approx(0.02), Why.KNOWN)


def test_the_newest_report_is_seen_also_after_an_older_one_was_revised():
    late = replace(REPORT, eps_estimated=1.0, known_at=datetime(2026, 11, 2, 15, tzinfo=UTC))
    assert seen(late, NEXT, REPORT, on=date(2026, 11, 4))[0] == pytest.approx(-0.2)
    assert seen(late, REPORT, on=date(2026, 11, 4))[0] == pytest.approx(0.53)


def test_a_newest_report_without_an_expectation_hides_the_surprise_of_the_one_before():
    surprise, why = seen(REPORT, replace(NEXT, eps_estimated=None), on=date(2026, 11, 4))
    assert np.isnan(surprise)
    assert why == Why.NO_DATA


def test_a_surprise_of_more_than_120_days_ago_is_too_old():
    assert seen(REPORT, on=date(2026, 11, 25))[1] == Why.KNOWN
    surprise, why = seen(REPORT, on=date(2026, 11, 27))
    assert np.isnan(surprise)
    assert why == Why.STALE


def test_a_trust_has_no_earnings_and_a_silent_company_no_data():
    assert seen(REPORT, on=date(2026, 8, 3), symbol=GLD)[1] == Why.NOT_APPLICABLE
    assert seen(on=date(2026, 8, 3))[1] == Why.NO_DATA


def test_cutting_the_future_changes_no_surprise_of_the_past():
    until = datetime(2026, 10, 29, tzinfo=UTC)
    row = int(np.flatnonzero(TIMES.session_on == np.datetime64("2026-10-29"))[0])
    whole, cut = (
        laid_out(earnings_columns([r for r in (REPORT, NEXT) if r.known_at <= limit], UNIVERSE, TIMES))
        for limit in (until + timedelta(days=99), until)
    )
    for name in whole:
        np.testing.assert_array_equal(whole[name][:row], cut[name][:row])


OPEN, NEXT_OPEN = datetime(2026, 10, 29, 13, 30, tzinfo=UTC), datetime(2026, 10, 30, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("release", "opens_at", "known_at"),
    [
        ("pre-market", OPEN, OPEN),
        ("pre-market", None, NEXT_OPEN),
        ("post-market", OPEN, NEXT_OPEN),
        (None, OPEN, NEXT_OPEN),
        ("during", OPEN, NEXT_OPEN),
    ],
)
def test_a_report_counts_from_its_own_open_only_if_it_came_before_it(release, opens_at, known_at):
    assert readable_at(date(2026, 10, 29), release, opens_at, NEXT_OPEN) == known_at
