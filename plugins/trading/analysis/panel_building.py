"""build_panel(): every group of facts at every decision time, in one panel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trading.analysis.facts import DecisionTimes, Facts
from trading.analysis.risk import risk_columns
from trading.analysis.sentiment import sentiment_columns
from trading.analysis.technicals import technical_columns
from trading.analysis.valuation import valuation_columns
from trading.domain.instruments import Sector, Symbol, Universe
from trading.domain.panel import FeaturePanel, panel_of

# Which group of stored rows holds which columns; the `analysis` tables have exactly these.
GROUPS = ("technicals", "sentiment", "valuation", "risk")


def build_group(
    group: str,
    facts: Facts,
    universe: Universe,
    peers: Mapping[Sector, tuple[Symbol, ...]],
    times: DecisionTimes,
    *,
    daily_pricing: bool,
    has_news: bool = True,
) -> FeaturePanel:
    """Return a panel in which only the columns of one group are known."""
    traded = universe.traded
    if group == "technicals":
        columns = technical_columns(facts, traded, times, daily_pricing=daily_pricing)
    elif group == "sentiment":
        columns = sentiment_columns(facts.news, traded, times, has_source=has_news)
    elif group == "valuation":
        columns = valuation_columns(facts, universe, peers, times)
    else:
        assert group == "risk", f"no group {group!r} of facts; it is one of {GROUPS}"
        columns = risk_columns(facts, times)
    return panel_of(times.as_of, traded, **columns)


def build_panel(
    facts: Facts,
    universe: Universe,
    peers: Mapping[Sector, tuple[Symbol, ...]],
    times: DecisionTimes,
    *,
    daily_pricing: bool,
    has_news: bool = True,
) -> FeaturePanel:
    """Return the full panel of the traded symbols at `times`."""
    traded = universe.traded
    return panel_of(
        np.asarray(times.as_of),
        traded,
        **technical_columns(facts, traded, times, daily_pricing=daily_pricing),
        **sentiment_columns(facts.news, traded, times, has_source=has_news),
        **valuation_columns(facts, universe, peers, times),
        **risk_columns(facts, times),
    )
