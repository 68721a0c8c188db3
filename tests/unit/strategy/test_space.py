"""Which numbers may vary, as a person types them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading.domain.searches import Axis
from trading.errors import ConfigurationError
from trading.strategy.catalogue import STRATEGIES
from trading.strategy.space import PARAMETERS, axes_of, axis_of, own_values, with_parameters
from trading.strategy.three_sector import technical_core, three_sector


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("trail=0.10..0.15:0.01", (0.10, 0.11, 0.12, 0.13, 0.14, 0.15)),
        ("trail=0.10..0.15", (0.10, 0.11, 0.12, 0.13, 0.14, 0.15)),
        ("trail=0.10..0.15:0.02", (0.10, 0.12, 0.14)),
        ("rsi_exit=75,65,70,70", (65.0, 70.0, 75.0)),
        ("take_profit = 0.25", (0.25,)),
        ("reentry_sessions=5..15:5", (5, 10, 15)),
        ("bad_news=-0.5..-0.3:0.1", (-0.5, -0.4, -0.3)),
        ("breaker_exit=none,all", ("none", "all")),
    ],
)
def test_an_axis_is_read_as_it_is_typed(typed, values):
    assert axis_of(typed) == Axis(typed.partition("=")[0].strip(), values)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("trial=0.1", "no parameter 'trial'; there are trail, take_profit"),
        ("trail", "write trail=LOW..HIGH:STEP"),
        ("trail=", "write trail=LOW..HIGH:STEP"),
        ("trail=a lot", "trail=a lot is not a number; use 0.1..0.15"),
        ("trail=nan", "is not a number"),
        ("trail=0.2", r"trail=0.2 lies outside 0.1..0.15 \(trailing stop"),
        ("trail=0.10..0.16:0.01", "trail=0.16 lies outside"),
        ("trail=0.15..0.10:0.01", "with LOW ≤ HIGH"),
        ("trail=0.10..0.15:0", "STEP > 0"),
        ("trail=0.10..0.15:0.000001", "take a larger step"),
        ("news_sources=1.5", "write a whole number"),
        ("breaker_exit=some", "breaker_exit=some: choose all or half or none"),
    ],
)
def test_what_is_mistyped_has_its_sentence(typed, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        axis_of(typed)


def test_axes_are_named_once_and_sorted():
    assert [axis.name for axis in axes_of(["vix=30", "trail=0.12"])] == ["trail", "vix"]
    with pytest.raises(ConfigurationError, match="trail is set twice"):
        axes_of(["trail=0.12", "trail=0.13"])
    with pytest.raises(ConfigurationError, match="nothing to vary"):
        axes_of([])


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_the_numbers_that_a_strategy_holds_make_the_very_strategy(name):
    spec = STRATEGIES[name]()
    own = own_values(spec)
    assert set(own) == {name for name, parameter in PARAMETERS.items() if parameter.adds is None}
    assert with_parameters(spec, own).spec_hash == spec.spec_hash
    assert with_parameters(spec, {}) == spec


@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=lambda p: p.name)
def test_every_parameter_changes_the_strategy_and_its_hash_and_nothing_else(parameter):
    spec = technical_core()
    own = own_values(spec)
    other = next(v for v in parameter.choices or (parameter.low, parameter.high) if v != own.get(parameter.name))
    wide = {"asset_floor": 0.01, "asset_cap": 0.05, "trim_above": 0.40, "sector_cap": 1.0}
    base = {name: value for name, value in wide.items() if name != parameter.name}
    if parameter.name == "asset_floor":
        base["asset_cap"] = 0.15
    if parameter.name in {"trim_above", "sector_cap"}:
        other = parameter.high if parameter.name == "trim_above" else parameter.low
    changed = with_parameters(spec, {**base, parameter.name: other})
    assert own_values(changed) == {**own, **base, parameter.name: other}
    assert changed.spec_hash != with_parameters(spec, base).spec_hash
    assert f"{parameter.name}=" in changed.label


@pytest.mark.parametrize("name", ["revenue_growth", "surprise"])
def test_a_rule_that_the_strategy_does_not_hold_comes_with_its_number_and_once(name):
    spec = three_sector()
    (rule,) = (r for r in with_parameters(spec, {name: 0.1}).entry_optional if r not in spec.entry_optional)
    assert rule.keywords == {"threshold": 0.1}
    again = with_parameters(with_parameters(spec, {name: 0.1}), {name: 0.2})
    assert [r.keywords for r in again.entry_optional if getattr(r, "func", None) is rule.func] == [{"threshold": 0.2}]
    assert own_values(again)[name] == 0.2


def test_the_vix_moves_the_rule_and_the_sentence_about_it():
    changed = with_parameters(three_sector(), {"vix": 25.0})
    assert changed.protection.max_vix == 25.0
    assert [rule.keywords for rule in changed.blocks if hasattr(rule, "keywords")] == [{"threshold": 25.0}]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"asset_floor": 0.10, "asset_cap": 0.05}, "asset_floor=0.1 is above asset_cap=0.05"),
        ({"asset_cap": 0.15}, "asset_cap=0.15 is above trim_above=0.12"),
        ({"asset_cap": 0.11, "sector_cap": 0.10}, "asset_cap=0.11 is above sector_cap=0.1"),
        ({"trail": 0.5}, "lies outside"),
        ({"wings": 2}, "no parameter 'wings'"),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(parameters, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        with_parameters(three_sector(), parameters)


@given(st.integers(10, 15), st.integers(0, 5))
def test_a_range_holds_both_ends_and_equal_steps(low, steps):
    high = low + min(steps, 15 - low)
    axis = axis_of(f"trail={low / 100:g}..{high / 100:g}:0.01")
    assert axis.values == tuple(number / 100 for number in range(low, high + 1))
