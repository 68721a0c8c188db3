"""build_panel(): every group of facts at every decision time, in one panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from trading.analysis.earnings import earnings_columns
from trading.analysis.facts import DecisionTimes, Facts
from trading.analysis.risk import risk_columns
from trading.analysis.sentiment import sentiment_columns
from trading.analysis.technicals import technical_columns
from trading.analysis.valuation import valuation_columns
from trading.domain.instruments import Sector, Symbol, Universe
from trading.domain.panel import FeaturePanel, panel_of

GROUPS = ("technicals", "sentiment", "valuation", "risk")
"""Each group is computed, and stored, on its own."""


def build_panel(
    facts: Facts,
    universe: Universe,
    peers: Mapping[Sector, tuple[Symbol, ...]],
    times: DecisionTimes,
    *,
    daily_pricing: bool,
    groups: tuple[str, ...] = GROUPS,
) -> FeaturePanel:
    """Return the panel of the traded symbols at `times`; only the columns of `groups` are known."""
    known: dict[str, NDArray[Any]] = {}
    for group in groups:
        known |= _columns(group, facts, universe, peers, times, daily_pricing=daily_pricing)
    return panel_of(times.as_of, universe.traded, **known)


def _columns(
    group: str,
    facts: Facts,
    universe: Universe,
    peers: Mapping[Sector, tuple[Symbol, ...]],
    times: DecisionTimes,
    *,
    daily_pricing: bool,
) -> Mapping[str, NDArray[Any]]:
    if group == "technicals":
        return technical_columns(facts, universe.traded, times, daily_pricing=daily_pricing)
    if group == "sentiment":
        return sentiment_columns(facts.news, universe.traded, times)
    if group == "valuation":
        surprises = earnings_columns(facts.earnings, universe, times)
        return valuation_columns(facts, universe, peers, times) | surprises
    assert group == "risk", f"no group {group!r} of facts; it is one of {GROUPS}"
    return risk_columns(facts, times)
