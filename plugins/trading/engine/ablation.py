"""What a strategy does without one of its parts: the other replays that say what each part earned or cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from trading.strategy.spec import Rule, StrategySpec, rule_name

_NEVER_FALLS, _NEVER_RISES, _ANY_VIX = 0.999, 1_000.0, 1_000.0
KEPT = frozenset({"price_not_fresh"})
"""Never left out: without it the replay would trade on prices that were not there."""


def without_each(spec: StrategySpec) -> Iterator[tuple[str, StrategySpec]]:
    """Yield (what is left out, the strategy without it): each rule, then stop, target and breaker.

    A rule that is there twice, on the way in and on the way out, is left out once for each.
    """
    for group in ("entry_required", "entry_optional", "shrinks", "exits", "blocks"):
        rules: tuple[Rule, ...] = getattr(spec, group)
        for rule in rules:
            if (name := rule_name(rule)) not in KEPT:
                less = _with(spec, group, tuple(other for other in rules if other is not rule))
                yield name, _without_vix_limit(less) if name == "vix_above" else less
    guard = spec.protection
    yield "trailing stop", replace(spec, protection=replace(guard, trail_frac=_NEVER_FALLS))
    yield "take profit", replace(spec, protection=replace(guard, take_profit_frac=_NEVER_RISES))
    yield "drawdown breaker", replace(spec, protection=replace(guard, breaker_frac=_NEVER_FALLS))


def _with(spec: StrategySpec, group: str, rules: tuple[Rule, ...]) -> StrategySpec:
    changes: dict[str, Any] = {group: rules}
    return replace(spec, **changes)


def _without_vix_limit(spec: StrategySpec) -> StrategySpec:
    """Return `spec` whose check before each order lets every VIX pass, too."""
    return replace(spec, protection=replace(spec.protection, max_vix=_ANY_VIX))
