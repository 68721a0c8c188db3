"""A price series on any day's share basis, and back to what the tape said."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trading.analysis.adjustment import BasisFactors, unadjusted
from trading.domain.market import ActionKind, Bar, CorporateAction, Resolution

from tests.builders import series_of

FIRST = datetime(2020, 1, 6, 14, 30, tzinfo=UTC)


def daily(closes):
    bars = []
    for n, close in enumerate(closes):
        starts_at = FIRST + timedelta(days=n)
        ends_at = starts_at + timedelta(hours=6, minutes=30)
        bars.append(Bar("NVDA", Resolution.DAY, starts_at, ends_at, close, close, close, close, 1.0, "TEST", ends_at))
    return series_of("NVDA", Resolution.DAY, bars)


def action(kind, day, value):
    return CorporateAction("NVDA", kind, FIRST.date() + timedelta(days=day), value, "TEST", FIRST)


def on_basis(series, actions, day):
    factors = BasisFactors.of(series, actions)
    basis = factors.at(np.array([FIRST.date() + timedelta(days=day)], dtype="datetime64[D]"))[0]
    return series.close * factors.of_bars / basis


def test_a_four_for_one_split_makes_the_series_continuous_from_its_ex_date_on():
    series = daily([400, 404, 100, 101])
    split = action(ActionKind.SPLIT, 2, 4.0)
    assert on_basis(series, [split], 1)[:2] == pytest.approx([400, 404])
    assert on_basis(series, [split], 2) == pytest.approx([100, 101, 100, 101])


def test_a_dividend_lowers_what_came_before_by_its_share_of_the_last_close():
    series = daily([100, 100, 98])
    paid = action(ActionKind.DIVIDEND, 2, 2.0)
    assert on_basis(series, [paid], 2) == pytest.approx([98, 98, 98])
    assert on_basis(series, [paid], 1)[:2] == pytest.approx([100, 100])


actions = st.lists(
    st.builds(
        action,
        st.sampled_from([ActionKind.SPLIT]),
        st.integers(1, 29),
        st.sampled_from([0.1, 1.5, 2.0, 4.0, 10.0]),
    )
    | st.builds(action, st.sampled_from([ActionKind.DIVIDEND]), st.integers(1, 29), st.floats(0.01, 5.0)),
    max_size=6,
    unique_by=lambda a: (a.kind, a.ex_on),
)


@settings(max_examples=100)
@given(actions, st.integers(0, 28))
def test_what_goes_ex_later_changes_nothing_on_an_earlier_basis(known, day):
    series = daily(np.linspace(90, 110, 30))
    past = [a for a in known if a.ex_on <= FIRST.date() + timedelta(days=day)]
    until = slice(0, day + 1)
    assert on_basis(series, known, day)[until] == pytest.approx(on_basis(series.take(until), past, day), rel=1e-12)


@settings(max_examples=100)
@given(actions, st.integers(0, 28))
def test_adjusting_for_splits_and_unadjusting_gives_the_tape_back(known, day):
    splits = [a for a in known if a.kind is ActionKind.SPLIT]
    series = daily(np.linspace(90, 110, 30)).take(slice(0, day + 1))
    dates = series.starts_at.astype("datetime64[D]")
    adjusted = on_basis(series, splits, day)
    basis_on = FIRST.date() + timedelta(days=day)
    assert unadjusted(adjusted, dates, splits, basis_on=basis_on) == pytest.approx(series.close, rel=1e-12)


def test_the_known_levels_of_nvidia_come_back_from_todays_basis():
    splits = [
        CorporateAction("NVDA", ActionKind.SPLIT, date(2021, 7, 20), 4.0, "TEST", FIRST),
        CorporateAction("NVDA", ActionKind.SPLIT, date(2024, 6, 10), 10.0, "TEST", FIRST),
    ]
    dates = np.array(["2021-07-19", "2021-07-20"], dtype="datetime64[D]")
    quoted = unadjusted(np.array([18.7798, 18.612]), dates, splits, basis_on=date(2026, 8, 1))
    assert quoted == pytest.approx([751.19, 186.12], abs=0.01)
