"""Equity without deposits, its drawdown, its periods, and the points that a screen gets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from trading.accounting.equity import CashMove, Earned, Mark, Period, equity_of, gains_by_period, thinned

MONDAY = datetime(2019, 6, 3, 20, tzinfo=UTC)
DAY = timedelta(days=1)


def a_mark(day: int, nav: float, cash: float | None = None, *, is_closing: bool = True) -> Mark:
    at = MONDAY + day * DAY
    return Mark(at, at.date(), is_closing, nav, cash)


def a_deposit(day: float, amount: int, kind: str = "deposit") -> CashMove:
    return CashMove(kind, Decimal(amount), MONDAY + day * DAY, None)


OPENING = a_deposit(-0.1, 100_000)


def test_what_is_paid_in_is_no_gain():
    marks = [a_mark(0, 101_000, 50_000), a_mark(1, 112_010, 60_000)]
    equity = equity_of(marks, [OPENING, a_deposit(0.5, 10_000)], base=None)
    assert equity.starting_usd == 100_000
    assert [round(p.growth, 6) for p in equity.points] == [1.01, 1.0201]
    assert [p.deposit_usd for p in equity.points] == [0, 10_000]
    week = gains_by_period(equity, [Earned(MONDAY.date(), realised_usd=400.0, commissions_usd=2.0)], Period.WEEK)
    assert [(g.gain_usd, g.deposits_usd, g.realised_usd, g.unrealised_usd, g.commissions_usd) for g in week] == [
        (2_010, 10_000, 400, 1_610, 2)
    ]
    assert week[0].gain_frac == pytest.approx(0.0201)


def test_a_deposit_that_is_booked_late_counts_where_cash_first_shows_it():
    marks = [a_mark(0, 100_000, 100_000), a_mark(1, 100_000, 100_000), a_mark(2, 95_000, 95_000)]
    taken_out = a_deposit(0.5, -5_000)
    equity = equity_of(marks, [OPENING, taken_out], base=None)
    assert [(p.growth, p.drawdown_frac, p.deposit_usd) for p in equity.points] == [(1, 0, 0), (1, 0, 0), (1, 0, -5_000)]


def test_a_span_is_measured_from_the_mark_before_it():
    equity = equity_of([a_mark(1, 99_000, 0), a_mark(2, 110_000, 0)], [OPENING], base=a_mark(0, 110_000, 0))
    assert [round(p.growth, 6) for p in equity.points] == [0.9, 1.0]
    assert [round(p.drawdown_frac, 6) for p in equity.points] == [0.1, 0.0]
    assert equity_of([], [OPENING], base=None).points == ()


def test_weeks_begin_on_monday_and_months_on_their_first_session():
    marks = [a_mark(day, 100_000 + day) for day in (3, 4, 7, 28)]
    equity = equity_of(marks, [a_deposit(-3, 100_000)], base=None)
    weeks = gains_by_period(equity, None, Period.WEEK)
    assert [(g.first_on.day, g.last_on.day, round(g.gain_usd)) for g in weeks] == [(6, 7, 4), (10, 10, 3), (1, 1, 21)]
    assert [len(gains_by_period(equity, None, period)) for period in (Period.DAY, Period.MONTH)] == [4, 2]
    assert (weeks[0].realised_usd, weeks[0].unrealised_usd, weeks[0].commissions_usd) == (None, None, None)


def test_thinning_keeps_the_ends_the_peak_and_the_deepest_fall():
    navs = [100_000.0 + day for day in range(2_000)]
    navs[700], navs[1301] = 250_000.0, 40_000.0
    points = equity_of([a_mark(n, nav) for n, nav in enumerate(navs)], [OPENING], base=None).points
    kept = thinned(points, 100)
    assert len(kept) <= 100
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert {points[700], points[1301]} <= set(kept)
    assert thinned(points[:100], 100) == points[:100]
