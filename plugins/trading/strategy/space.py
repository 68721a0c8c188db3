"""Which numbers of a strategy may vary, within which bounds, under which names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from trading.domain.searches import Axis, Parameters, Value, key_of, text_of
from trading.domain.signals import Verdicts
from trading.errors import ConfigurationError
from trading.strategy import rules
from trading.strategy.spec import Rule, StrategySpec, rule_name

_GROUPS: Mapping[str, tuple[str, ...]] = {
    "entry": ("entry_required", "entry_optional"),
    "shrinks": ("shrinks",),
    "exits": ("exits",),
    "blocks": ("blocks",),
}
_RANGE = re.compile(r"(?P<low>[^:]+?)\.\.(?P<high>[^:]+?)(?::(?P<step>.+))?")
MOST_VALUES = 1_000
"""Of one parameter; more is a slip of the finger."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of a spec that a search may vary; its default is what the spec holds.

    Attributes:
        name: as a person types it.
        paths: places of the spec that hold it, e.g. "protection.trail_frac" or "exits.rsi_above.threshold".
        low, high, step: bounds, both included, and the usual distance of two values.
        says: what it is, with its unit.
        is_whole: whether it counts something. choices: names to choose from instead of a number.
        adds: the optional entry rule that a value brings into a spec without it; None where the spec has the place.
    """

    name: str
    paths: tuple[str, ...]
    low: float
    high: float
    step: float
    says: str
    is_whole: bool = False
    choices: tuple[str, ...] = ()
    adds: Callable[..., Verdicts] | None = None

    @property
    def bounds(self) -> str:
        """What it may be, for a sentence."""
        return " or ".join(self.choices) if self.choices else f"{self.low:g}..{self.high:g}"


_DECLARED = (
    Parameter("trail", ("protection.trail_frac",), 0.10, 0.15, 0.01, "trailing stop below the high-water price, part"),
    Parameter("take_profit", ("protection.take_profit_frac",), 0.20, 0.30, 0.01, "take profit above cost, part"),
    Parameter("breaker", ("protection.breaker_frac",), 0.02, 0.20, 0.01, "fall of NAV that stops entries, part"),
    Parameter(
        "breaker_exit", ("protection.breaker_exit",), 0, 0, 0, "what the breaker sells", choices=("all", "half", "none")
    ),
    Parameter(
        "reentry_sessions", ("protection.reentry_sessions",), 1, 60, 5, "sessions before the breaker lifts",
        is_whole=True,
    ),
    Parameter("reentry_vix", ("protection.reentry_vix",), 10, 60, 5, "VIX under which the breaker lifts, points"),
    Parameter("cooldown", ("protection.cooldown_days",), 0, 60, 7, "days without entry after a stop", is_whole=True),
    Parameter("guard_stops", ("protection.guard_stops",), 0, 20, 1, "stops that pause the book, 0: never", True),
    Parameter("guard_window", ("protection.guard_window_days",), 1, 60, 5, "days in which they count", is_whole=True),
    Parameter("guard_pause", ("protection.guard_pause_days",), 1, 60, 7, "days that they pause it", is_whole=True),
    Parameter("rsi_entry", ("entry.rsi_below.threshold",), 40, 90, 5, "RSI under which an entry may be made"),
    Parameter("rsi_exit", ("exits.rsi_above.threshold",), 50, 95, 5, "RSI over which is sold"),
    Parameter(
        "sentiment_mode", ("sentiment.mode",), 0, 0, 0, "what a symbol's score of headlines is",
        choices=("evidence", "percentile", "mean"),
    ),
    Parameter("sentiment_half_life", ("sentiment.half_life_hours",), 3, 72, 12, "hours in which a story halves"),
    Parameter("text_scorer", ("sentiment.scorer",), 0, 0, 0, "who scores a headline", choices=("lexicon", "vader")),
    Parameter("sentiment", ("entry.sentiment_above.threshold",), -1, 1, 0.1, "score over which an entry may be made"),
    Parameter("bad_news", ("exits.negative_news.threshold",), -1, 0, 0.1, "score at or under which is sold"),
    Parameter("news_sources", ("exits.negative_news.sources",), 1, 5, 1, "sources of bad news that sell", True),
    Parameter("cpi", ("entry.macro_supports_metals.cpi_threshold_frac",), 0, 0.10, 0.005, "inflation for metals, part"),
    Parameter("model", ("shrinks.model_agrees.threshold",), 0.3, 0.7, 0.05, "chance over which the model agrees"),
    Parameter(
        "vix", ("blocks.vix_above.threshold", "protection.max_vix"), 12, 80, 5, "VIX over which nothing is bought"
    ),
    Parameter("asset_cap", ("sizing.asset_cap_frac",), 0.05, 0.20, 0.01, "most of NAV in one name, part"),
    Parameter("asset_floor", ("sizing.asset_floor_frac",), 0.01, 0.10, 0.01, "least of NAV in one name, part"),
    Parameter("sector_cap", ("sizing.sector_cap_frac",), 0.10, 1.0, 0.05, "most of NAV in one sector, part"),
    Parameter("trim_above", ("sizing.trim_above_frac",), 0.05, 0.40, 0.01, "part of NAV over which a name is trimmed"),
    Parameter("cash_buffer", ("sizing.cash_buffer_frac",), 0.0, 0.5, 0.02, "part of NAV that stays cash"),
    Parameter(
        "revenue_growth", ("entry.revenue_growing.threshold",), -0.5, 2, 0.05, "growth of revenue for an entry, part",
        adds=rules.revenue_growing,
    ),
    Parameter(
        "surprise", ("entry.earnings_surprise_above.threshold",), -1, 1, 0.05, "surprise of EPS for an entry, part",
        adds=rules.earnings_surprise_above,
    ),
)  # fmt: skip
PARAMETERS: Mapping[str, Parameter] = {parameter.name: parameter for parameter in _DECLARED}


def own_values(spec: StrategySpec) -> Parameters:
    """Return what `spec` itself holds, for every parameter that it has."""
    held = {p.name: [v for path in p.paths for v in _read(spec, path)] for p in PARAMETERS.values()}
    return {name: values[0] for name, values in held.items() if values}


def axis_of(text: str) -> Axis:
    """Return what a person typed: "trail=0.10..0.15:0.01", "rsi_exit=65,70,75", or "trail=0.10..0.15".

    A range includes both ends and, without a step, goes in the usual ones.

    Raises:
        ConfigurationError: it is not understood, or a value lies out of bounds.
    """
    name, equals, written = text.partition("=")
    parameter = _parameter(name.strip())
    if not equals or not written.strip():
        raise ConfigurationError(f"{text!r}: write {parameter.name}=LOW..HIGH:STEP or {parameter.name}=A,B,C")
    ranged = _RANGE.fullmatch(written.strip())
    given = _steps(parameter, ranged) if ranged and not parameter.choices else written.split(",")
    values = tuple(dict.fromkeys(_value(parameter, each) for each in given))
    return Axis(parameter.name, values if parameter.choices else tuple(sorted(values)))


def axes_of(texts: Sequence[str]) -> tuple[Axis, ...]:
    """Return the axes that a person typed, by name.

    Raises:
        ConfigurationError: there is none, one is not understood, or one is said twice.
    """
    axes = tuple(sorted((axis_of(text) for text in texts), key=lambda axis: axis.name))
    if not axes:
        raise ConfigurationError(
            f"nothing to vary; give at least one --set such as trail=0.10..0.15:0.01, of: {', '.join(PARAMETERS)}"
        )
    names = [axis.name for axis in axes]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"{', '.join(double)} is set twice; write all its values in one --set")
    return axes


def with_parameters(spec: StrategySpec, parameters: Parameters) -> StrategySpec:
    """Return `spec` with other numbers; its hash changes where one of them does.

    Raises:
        ConfigurationError: `spec` has no such parameter, a value lies out of bounds, or values contradict each other.
    """
    changed = spec
    for name, given in parameters.items():
        parameter = _parameter(name)
        value = _value(parameter, text_of(given))
        if not is_known(changed, name):
            raise ConfigurationError(f"{spec.name} has no {name} ({parameter.says}); leave it out")
        if parameter.adds is not None and not _holds(changed, parameter):
            added = partial(parameter.adds, **{parameter.paths[0].rpartition(".")[2]: value})
            changed = replace(changed, entry_optional=(*changed.entry_optional, added))
        for path in parameter.paths:
            changed = _written(changed, path, value)
    _check(changed)
    return replace(changed, label=f"{spec.label}, {key_of(parameters)}") if parameters else spec


def is_known(spec: StrategySpec, name: str) -> bool:
    """Return whether `spec` holds the parameter, or can take the rule that it brings.

    Raises:
        ConfigurationError: there is no parameter of that name.
    """
    parameter = _parameter(name)
    return parameter.adds is not None or _holds(spec, parameter)


def _holds(spec: StrategySpec, parameter: Parameter) -> bool:
    return any(_read(spec, path) for path in parameter.paths)


def _parameter(name: str) -> Parameter:
    if name not in PARAMETERS:
        raise ConfigurationError(f"no parameter {name!r}; there are {', '.join(PARAMETERS)}")
    return PARAMETERS[name]


def _value(parameter: Parameter, text: str) -> Value:
    """Return the value that `text` stands for, in the type that the spec holds."""
    word = text.strip()
    if parameter.choices:
        if word not in parameter.choices:
            raise ConfigurationError(f"{parameter.name}={word}: choose {parameter.bounds}")
        return word
    number = float(_decimal(parameter, word))
    if not parameter.low <= number <= parameter.high:
        raise ConfigurationError(f"{parameter.name}={word} lies outside {parameter.bounds} ({parameter.says})")
    if parameter.is_whole and number != int(number):
        raise ConfigurationError(f"{parameter.name}={word} counts something; write a whole number")
    return int(number) if parameter.is_whole else number


def _decimal(parameter: Parameter, text: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise ConfigurationError(f"{parameter.name}={text.strip()} is not a number; use {parameter.bounds}") from None
    if not number.is_finite():
        raise ConfigurationError(f"{parameter.name}={text.strip()} is not a number; use {parameter.bounds}")
    return number


def _steps(parameter: Parameter, ranged: re.Match[str]) -> list[str]:
    low, high = _decimal(parameter, ranged["low"]), _decimal(parameter, ranged["high"])
    step = _decimal(parameter, ranged["step"] or f"{parameter.step:g}")
    if step <= 0 or low > high:
        raise ConfigurationError(f"{parameter.name}={ranged[0]}: write LOW..HIGH:STEP with LOW ≤ HIGH and STEP > 0")
    if (count := int((high - low) / step) + 1) > MOST_VALUES:
        raise ConfigurationError(f"{parameter.name}={ranged[0]} is {count} values; take a larger step")
    return [str(low + step * number) for number in range(count)]


def _read(spec: StrategySpec, path: str) -> list[Any]:
    """Return what stands at `path`; empty where the spec has no such rule."""
    place, _, rest = path.partition(".")
    if place not in _GROUPS:
        return [getattr(getattr(spec, place), rest)]
    name, _, keyword = rest.partition(".")
    found = [rule for group in _GROUPS[place] for rule in getattr(spec, group) if rule_name(rule) == name]
    return [rule.keywords[keyword] for rule in found if isinstance(rule, partial) and keyword in rule.keywords]


def _written(spec: StrategySpec, path: str, value: Value) -> StrategySpec:
    place, _, rest = path.partition(".")
    if place not in _GROUPS:
        return replace(spec, **{place: replace(getattr(spec, place), **{rest: value})})
    name, _, keyword = rest.partition(".")

    def bound(rule: Rule) -> Rule:
        is_meant = rule_name(rule) == name and isinstance(rule, partial) and keyword in rule.keywords
        return partial(rule.func, **{**rule.keywords, keyword: value}) if is_meant else rule  # type: ignore[attr-defined]

    groups: dict[str, Any] = {group: tuple(map(bound, getattr(spec, group))) for group in _GROUPS[place]}
    return replace(spec, **groups)


def _check(spec: StrategySpec) -> None:
    sizing = spec.sizing
    order = (("asset_floor", sizing.asset_floor_frac), ("asset_cap", sizing.asset_cap_frac))
    for less, more in (
        (order[0], order[1]),
        (order[1], ("trim_above", sizing.trim_above_frac)),
        (order[1], ("sector_cap", sizing.sector_cap_frac)),
    ):
        if less[1] > more[1]:
            raise ConfigurationError(f"{less[0]}={less[1]:g} is above {more[0]}={more[1]:g}; change one of them")
