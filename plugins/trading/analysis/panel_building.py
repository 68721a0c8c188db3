"""build_panel(): every group of facts at every decision time, in one panel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.earnings import earnings_columns
from trading.analysis.facts import DecisionTimes, Facts, utc64
from trading.analysis.risk import risk_columns
from trading.analysis.sentiment import read_stories, sentiment_columns
from trading.analysis.technicals import LastPrices, technical_columns
from trading.analysis.told import Told
from trading.analysis.valuation import valuation_columns
from trading.domain.instruments import Sector, Symbol, Universe
from trading.domain.panel import FeaturePanel, panel_of
from trading.domain.runs import Runs, whole
from trading.domain.sentiment import Sentiment

GROUPS = ("technicals", "sentiment", "valuation", "risk")
"""Each group is computed, and stored, on its own."""


def build_panel(
    facts: Facts,
    universe: Universe,
    peers: Mapping[Sector, tuple[Symbol, ...]],
    times: DecisionTimes,
    *,
    daily_pricing: bool,
    sentiment: Sentiment,
    groups: tuple[str, ...] = GROUPS,
) -> FeaturePanel:
    """Return the panel of the traded symbols at `times`; only the columns of `groups` are known.

    Args:
        sentiment: how headlines are read.
    """
    parts: list[dict[str, NDArray[Any] | Runs]] = []

    def told() -> tuple[Told | None, ...]:
        # Reading headlines is most of the work; whoever builds another panel from the same facts has it done.
        return facts.remembered(
            (sentiment, universe.traded), lambda: read_stories(facts.news, universe.traded, sentiment)
        )

    for rows, known in _stretches(facts, times):
        columns: dict[str, NDArray[Any] | Runs] = {}
        then = times.take(rows)
        prices = LastPrices(known, then, daily_pricing=daily_pricing)
        for group in groups:
            if group == "sentiment":
                columns |= sentiment_columns(told(), then, sentiment)
            else:
                columns |= _columns(group, known, universe, peers, then, prices)
        parts.append(columns)
    joined = parts[0] if len(parts) == 1 else {n: np.concatenate([whole(part[n]) for part in parts]) for n in parts[0]}
    return panel_of(times.as_of, universe.traded, **joined)


def _stretches(facts: Facts, times: DecisionTimes) -> Iterator[tuple[slice, Facts]]:
    """Yield consecutive rows of `times` with the facts that hold there.

    An action that is announced before its day changes nothing earlier: later factors cancel out. One that became
    known only after decisions on the new basis had passed must not reach back to them, so it begins a stretch.
    """
    late = {}
    for action in (a for a in facts.actions if a.known_at.date() >= a.ex_on):
        first = int(np.searchsorted(times.session_on, np.datetime64(action.ex_on, "D"), side="left"))
        known = int(np.searchsorted(times.cutoff_at, utc64(action.known_at), side="left"))
        if first < known:
            late[action] = known
    edges = [0, *sorted({row for row in late.values() if 0 < row < len(times)}), len(times)]
    for start, end in pairwise(edges):
        held_back = {action for action, known in late.items() if known > start}
        actions = [a for a in facts.actions if a not in held_back] if held_back else facts.actions
        yield slice(start, end), replace(facts, actions=actions) if held_back else facts


def _columns(
    group: str,
    facts: Facts,
    universe: Universe,
    peers: Mapping[Sector, tuple[Symbol, ...]],
    times: DecisionTimes,
    prices: LastPrices,
) -> Mapping[str, NDArray[Any] | Runs]:
    if group == "technicals":
        return technical_columns(facts, universe.traded, times, prices)
    if group == "valuation":
        surprises = earnings_columns(facts.earnings, universe, times)
        return valuation_columns(facts, universe, peers, times, prices) | surprises
    assert group == "risk", f"no group {group!r} of facts; it is one of {GROUPS}"
    return risk_columns(facts, times)
