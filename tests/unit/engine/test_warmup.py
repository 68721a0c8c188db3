"""How much history is enough: the oracle's errors of short histories, and what they do to verdicts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from trading.analysis.facts import DecisionTimes
from trading.analysis.technicals import MIN_DAILY_BARS, daily_columns
from trading.domain.market import Resolution
from trading.domain.series import BarSeries
from trading.engine.hours import Terms
from trading.engine.warmup import Memory, last_bars, warm_up
from trading.errors import PermanentError

from tests.oracles import oracle
from tests.poison import SPEC
from tests.replay.leak_world import timeline, world

LIVE = Memory(timedelta(days=900), timedelta(days=7), timedelta(days=7))


def oracle_bars() -> BarSeries:
    rows = oracle("bars_420.csv")
    starts_at = np.array([row["session"] for row in rows], dtype="datetime64[us]") + np.timedelta64(14, "h")
    ends_at = starts_at + np.timedelta64(7, "h")
    prices = {name: np.array([float(row[name]) for row in rows]) for name in ("open", "high", "low", "close", "volume")}
    return BarSeries("X", Resolution.DAY, starts_at, ends_at, ends_at.copy(), **prices)


def the_day_after(bars: BarSeries) -> DecisionTimes:
    """A decision that knows every bar."""
    last_on = bars.starts_at[-1:].astype("datetime64[D]")
    at = bars.ends_at[-1:] + np.timedelta64(1, "D")
    return DecisionTimes(at, at, last_on + np.timedelta64(1, "D"), last_on)


def last_value(name: str, bars: BarSeries, count: int) -> float:
    after = the_day_after(bars)
    return float(daily_columns(last_bars(bars, after, count), [], after, minimum=0)[name][0])


def test_the_error_of_a_short_rsi_is_the_oracles():
    bars, expected = oracle_bars(), oracle("indicators_expected.json")["rsi_warmup_last_bar"]
    full = last_value("rsi_14", bars, len(bars))
    for count, told in expected.items():
        error = abs(last_value("rsi_14", bars, int(count)) - full)
        # What a decision reads has 9 significant digits.
        assert error == pytest.approx(told["abs_error"], rel=1e-3, abs=2e-7), count


def test_the_error_of_a_short_ema_is_the_oracles():
    bars, expected = oracle_bars(), oracle("indicators_expected.json")["ema26_warmup_last_bar"]
    full = last_value("ema_26", bars, len(bars))
    for count, told in expected.items():
        error_bp = 10_000 * abs(last_value("ema_26", bars, int(count)) / full - 1)
        assert error_bp == pytest.approx(told["rel_error_bp"], rel=1e-3, abs=2e-4), count


@pytest.fixture(scope="module")
def found():
    return warm_up(SPEC, world(), timeline(), Terms(), memory=LIVE, sessions=8)


def test_the_fewest_bars_that_suffice_are_found_for_each_indicator(found):
    needs = {warming.name: warming.needs for warming in found.indicators}
    assert (needs["sma_50"], needs["sma_200"], needs["volatility_frac"]) == (50, 200, 75)
    assert 100 < needs["ema_26"] <= 200
    assert found.needs == 200


def test_a_short_history_changes_verdicts_and_the_desks_own_does_not(found):
    assert found.changed[15]["golden_cross"] > 0
    assert found.changed[MIN_DAILY_BARS] == {}
    assert found.compared == 8 * len(SPEC.universe.traded)
    assert not found.is_too_little(MIN_DAILY_BARS)
    assert found.is_too_little(100)


def test_what_a_live_hour_loads_equals_full_history(found):
    assert found.as_loaded == {}
    assert found.bars_loaded > 600


def test_a_live_hour_that_loaded_too_little_would_be_told_by_column():
    short = Memory(timedelta(days=100), timedelta(days=7), timedelta(days=1))
    told = warm_up(SPEC, world(), timeline(), Terms(), memory=short, sessions=3).as_loaded
    assert {"sma_200", "rsi_14", "sentiment"} <= set(told)
    assert "vix" not in told


def test_a_market_without_history_is_refused():
    facts, first_on = world(), date(2024, 7, 1)
    since = np.datetime64(datetime(first_on.year, first_on.month, 20, tzinfo=UTC).replace(tzinfo=None), "us")
    bars = {key: series.take(slice(int((series.starts_at < since).sum()), None)) for key, series in facts.bars.items()}
    with pytest.raises(PermanentError, match="load history"):
        warm_up(SPEC, type(facts)(bars), timeline(), Terms(), memory=LIVE, sessions=1)
