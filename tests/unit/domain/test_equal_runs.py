"""Wide panels are kept as runs of equal values; nobody who reads them can tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as some
from trading.domain import runs
from trading.domain.panel import FeaturePanel, Why, columns, panel_of
from trading.domain.runs import Columns, Runs
from trading.strategy import rules
from trading.strategy.catalogue import spec_named
from trading.strategy.judging import judge
from trading.strategy.spec import StrategySpec

TIMES, SYMBOLS = 4_500, 500
"""More cells than a column of a narrow panel may have."""
AS_OF = np.datetime64("2024-01-02T15:30", "us") + np.arange(TIMES) * np.timedelta64(1, "h")
NAMES = tuple(f"S{number:03d}" for number in range(SYMBOLS))


def stepped(draw: np.random.Generator, every: int) -> np.ndarray:
    """Return values of shape (times, symbols) that change `every` so many times, some of them unknown."""
    values = np.round(draw.uniform(20, 80, (TIMES // every + 1, SYMBOLS)), 2)
    values[draw.random(values.shape) < 0.1] = np.nan
    return np.repeat(values, every, axis=0)[:TIMES]


@pytest.fixture(scope="module")
def whole() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(5)
    fast, slow = stepped(draw, 7), stepped(draw, 7)
    through = np.repeat(AS_OF[::7], 7)[:TIMES, None] + np.zeros((1, SYMBOLS), dtype="timedelta64[us]")
    return {
        "price": draw.uniform(20, 80, (TIMES, SYMBOLS)),
        "sma_50": fast,
        "sma_200": slow,
        "rsi_14": stepped(draw, 7),
        "daily_through": through,
        "why_technicals": np.where(np.isnan(fast + slow), np.int8(Why.TOO_FEW_BARS), np.int8(Why.KNOWN)),
        "why_price": np.zeros((TIMES, SYMBOLS), dtype=np.int8),
    }


@pytest.fixture(scope="module")
def wide(whole) -> FeaturePanel:
    collected = Columns(TIMES, SYMBOLS, whole=("why_price",))
    for column in range(SYMBOLS):
        collected.add({name: values[:, column] for name, values in whole.items()})
    return panel_of(AS_OF, NAMES, **collected.done())


@pytest.fixture(scope="module")
def narrow(whole) -> FeaturePanel:
    return panel_of(AS_OF, NAMES, **whole)


def core() -> StrategySpec:
    """Return rules that read what the panels know."""
    return replace(
        spec_named("technical_core"),
        entry_required=(rules.golden_cross, partial(rules.rsi_below, threshold=70.0)),
        entry_optional=(),
        exits=(partial(rules.rsi_above, threshold=70.0),),
        blocks=(rules.price_not_fresh,),
    )


def test_only_what_repeats_is_kept_as_runs(wide):
    kept = {name for name in columns() if isinstance(wide.__dict__.get("runs", {}).get(name), Runs)}
    assert kept == {"sma_50", "sma_200", "rsi_14", "daily_through", "why_technicals"}
    assert wide.is_wide


@pytest.mark.parametrize("name", columns())
def test_every_column_reads_as_if_it_were_whole(wide, narrow, name):
    np.testing.assert_array_equal(getattr(wide, name), getattr(narrow, name))


@pytest.mark.parametrize("row", [0, 6, 7, TIMES - 1])
def test_one_time_reads_as_if_it_were_whole(wide, narrow, row):
    one, other = wide.at(row), narrow.at(row)
    for name in columns():
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_column_that_is_made_whole_cannot_be_written_to(wide):
    with pytest.raises(ValueError, match="read-only"):
        wide.sma_50[0, 0] = 1.0


def test_a_column_that_does_not_exist_is_an_error(wide):
    with pytest.raises(AttributeError, match="sma_51"):
        _ = wide.sma_51


def test_rules_say_the_same_and_give_the_same_reasons(wide, narrow):
    apart, together = judge(core(), wide), judge(core(), narrow)
    for name in ("enters", "exits", "blocked", "kept_frac"):
        np.testing.assert_array_equal(getattr(apart, name), getattr(together, name))
    for (_, _, one), (_, _, other) in zip(apart.verdicts, together.verdicts, strict=True):
        np.testing.assert_array_equal(one.passes, other.passes)
        np.testing.assert_array_equal(one.abstains, other.abstains)
        np.testing.assert_array_equal(one.whole().observed, other.observed)
        np.testing.assert_array_equal(one.passes_at(99), other.passes_at(99))
        np.testing.assert_array_equal(one.outcome(99), other.outcome(99))
    at = datetime(2024, 1, 2, tzinfo=UTC)
    assert list(apart.reasons(1234, at)) == list(together.reasons(1234, at))


@given(st.data())
def test_any_column_comes_back(data):
    shape = data.draw(st.tuples(st.integers(1, 30), st.integers(1, 5)))
    values = data.draw(some.arrays(np.float64, shape, elements=st.sampled_from([0.0, 1.0, 2.5, np.nan])))
    column = runs.Column(*shape, narrow_cells=0)
    for symbol in range(shape[1]):
        column.add(np.ascontiguousarray(values[:, symbol]))
    np.testing.assert_array_equal(runs.whole(column.done()), values)


@given(st.data(), st.sampled_from([0, runs.NARROW_CELLS]))
def test_a_column_of_steps_reads_as_the_values_of_every_time(data, narrow_cells):
    times, symbols = data.draw(st.tuples(st.integers(1, 30), st.integers(1, 5)))
    column = runs.Column(times, symbols, narrow_cells=narrow_cells)
    expected = np.empty((times, symbols))
    for symbol in range(symbols):
        begins = np.array(sorted({0, *data.draw(st.lists(st.integers(0, times - 1)))}))
        values = np.array(data.draw(st.lists(st.sampled_from([1.0, np.nan]), min_size=len(begins))))[: len(begins)]
        for begin, value in zip(begins, values, strict=True):
            expected[begin:, symbol] = value
        column.add(runs.Steps(values, begins, times))
    np.testing.assert_array_equal(runs.whole(column.done()), expected)


def test_a_rule_lays_out_a_column_of_some_symbols_once(wide):
    (_, part), *_ = wide.parts()
    assert part.sma_50 is part.sma_50
    assert wide.sma_50 is not wide.sma_50
