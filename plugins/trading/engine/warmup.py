"""How much history is enough? Every indicator and verdict again, from the last k daily bars alone. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.facts import DecisionTimes, Facts, decision_times, last_known_bar, utc64
from trading.analysis.panel_building import build_panel
from trading.analysis.technicals import MIN_DAILY_BARS, PRICE_INDICATORS, PURE_INDICATORS, daily_columns
from trading.domain.instruments import Symbol
from trading.domain.market import Resolution, Slot, session_slots
from trading.domain.panel import FeaturePanel, columns
from trading.domain.series import BarSeries
from trading.engine.hours import Terms, Timeline
from trading.engine.lookahead import differs, outcomes
from trading.errors import PermanentError
from trading.strategy.judging import Judgement, judge
from trading.strategy.spec import StrategySpec

LADDER = (15, 20, 30, 50, 75, 100, 150, 200, MIN_DAILY_BARS, 300, 400, 600)
"""Lengths that are tried [daily bars]; MIN_DAILY_BARS is what the desk asks for before it believes any of them."""
TOLERANCE_FRAC = 1e-6
"""An indicator this close to its value on full history has forgotten where it began."""
POINTS = "rsi_14"
"""Its error is told in points; that of the others in basis points of the price, or of the value where it is none."""
INDICATORS = (*PRICE_INDICATORS, *PURE_INDICATORS)


@dataclass(frozen=True)
class Memory:
    """How far back a live hour reads."""

    daily: timedelta
    intraday: timedelta
    news: timedelta


@dataclass(frozen=True)
class Warming:
    """One indicator at every length of history.

    Attributes:
        unit: "points" or "bp".
        errors: greatest error by number of bars; None where it gave no value at all.
        needs: fewest bars of the ladder from which on its error stays within the tolerance; None where none does.
    """

    name: str
    unit: str
    errors: Mapping[int, float | None]
    needs: int | None


@dataclass(frozen=True)
class WarmUp:
    """What shortened histories changed.

    Attributes:
        changed: verdicts that are others, by number of bars and rule.
        needs: fewest bars of the ladder from which on no indicator errs and no verdict changes; None where none does.
        compared: symbols × sessions that were compared: those with full history longer than the longest length.
        as_loaded: greatest error by column of what a live hour loads, columns without any left out.
        bars_loaded: fewest daily bars that a live hour loaded, of symbols whose history is long enough for indicators.
    """

    indicators: tuple[Warming, ...]
    changed: Mapping[int, Mapping[str, int]]
    needs: int | None
    compared: int
    as_loaded: Mapping[str, float]
    bars_loaded: int

    def is_too_little(self, minimum: int) -> bool:
        """Return whether `minimum` daily bars, or what a live hour loads, give other values than full history."""
        return self.needs is None or self.needs > minimum or bool(self.as_loaded)


def warm_up(
    spec: StrategySpec,
    facts: Facts,
    timeline: Timeline,
    terms: Terms,
    *,
    memory: Memory,
    sessions: int,
    ladder: Sequence[int] = LADDER,
    tell: Callable[[int, int], None] = lambda done, count: None,
) -> WarmUp:
    """Compare each length of `ladder` with full history at the first hour of evenly chosen sessions.

    Lengths that no symbol's history exceeds are left out.

    Raises:
        PermanentError: no history is longer than the shortest length.
    """
    slots = _chosen(timeline, sessions)
    times = decision_times(slots, timeline.previous_on, terms.delay_minutes)
    full = _panel(spec, facts, times, terms)
    ladder = [bars for bars in ladder if bars < full.daily_bar_count.max()]
    if not ladder:
        raise PermanentError("no symbol has 16 daily bars before the range; load history: ./airdesk data pull --help")
    long = full.daily_bar_count > max(ladder)
    judged = judge(spec, full)
    errors: dict[str, dict[int, float | None]] = {name: {} for name in INDICATORS}
    changed: dict[int, dict[str, int]] = {}
    for number, bars in enumerate(ladder):
        tell(number, len(ladder) + 1)
        short = _shortened(spec, facts, times, full, bars)
        for name in INDICATORS:
            errors[name][bars] = _greatest(name, full, short, long)
        changed[bars] = verdicts_changed(judged, judge(spec, short), long)
    tell(len(ladder), len(ladder) + 1)
    warming = tuple(_warming(name, errors[name]) for name in INDICATORS)
    as_loaded, bars_loaded = _as_loaded(spec, facts, times, full, terms, memory)
    return WarmUp(warming, changed, _enough(warming, changed), int(long.sum()), as_loaded, bars_loaded)


def _chosen(timeline: Timeline, count: int) -> list[Slot]:
    numbers = np.unique(np.linspace(0, len(timeline.sessions) - 1, count).astype(int))
    return [session_slots(timeline.sessions[n])[0] for n in numbers.tolist()]


def _panel(spec: StrategySpec, facts: Facts, times: DecisionTimes, terms: Terms) -> FeaturePanel:
    daily_pricing = terms.daily_pricing
    return build_panel(facts, spec.universe, spec.peers, times, daily_pricing=daily_pricing, sentiment=spec.sentiment)


def _shortened(spec: StrategySpec, facts: Facts, times: DecisionTimes, full: FeaturePanel, bars: int) -> FeaturePanel:
    """Return the panel as the last `bars` daily bars before each decision make it."""
    by_symbol = [_of_symbol(facts, symbol, times, bars) for symbol in spec.universe.traded]
    shortened: dict[str, Any] = {name: np.stack([c[name] for c in by_symbol], axis=1) for name in by_symbol[0]}
    return replace(full, **shortened)


def _of_symbol(facts: Facts, symbol: Symbol, times: DecisionTimes, bars: int) -> dict[str, NDArray[Any]]:
    daily, actions = facts.daily(symbol), [a for a in facts.actions if a.symbol == symbol]
    parts = []
    for row in range(len(times)):
        one = times.take(slice(row, row + 1))
        # No minimum: the question is what the indicators themselves say.
        parts.append(daily_columns(last_bars(daily, one, bars), actions, one, minimum=0))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def last_bars(daily: BarSeries | None, at: DecisionTimes, bars: int) -> BarSeries | None:
    """Return the last `bars` daily bars of sessions before the one decision of `at`, as far as it may know them."""
    if daily is None:
        return None
    before = int(np.searchsorted(daily.starts_at, at.session_on[0].astype("datetime64[us]"), side="left"))
    end = min(before, int(last_known_bar(daily, at)[0]) + 1)
    return daily.take(slice(max(0, end - bars), end))


def _greatest(name: str, full: FeaturePanel, short: FeaturePanel, where: NDArray[np.bool_]) -> float | None:
    """Return the greatest error in the indicator's unit; None where a value is missing that full history has."""
    true, seen = getattr(full, name), getattr(short, name)
    counts = where & np.isfinite(true)
    if not counts.any() or np.isnan(seen[counts]).any():
        return None
    error = np.abs(seen[counts] - true[counts])
    if name != POINTS:
        # MACD is a difference of prices and may be 0: what it errs by is measured against the price.
        error = 10_000 * error / (full.sma_50 if name in PRICE_INDICATORS else true)[counts]
    return float(error.max())


def verdicts_changed(full: Judgement, short: Judgement, where: NDArray[np.bool_]) -> dict[str, int]:
    """Return how many verdicts are others, by rule; rules without a change are left out."""
    counts = {
        name: int((where & (outcomes(verdicts) != outcomes(again))).sum())
        for (_, name, verdicts), (_, _, again) in zip(full.verdicts, short.verdicts, strict=True)
    }
    return {name: count for name, count in counts.items() if count}


def _warming(name: str, errors: Mapping[int, float | None]) -> Warming:
    unit = "points" if name == POINTS else "bp"
    tolerated = TOLERANCE_FRAC * (100 if name == POINTS else 10_000)
    is_fine = {bars: error is not None and error <= tolerated for bars, error in errors.items()}
    return Warming(name, unit, errors, _first_lasting(is_fine))


def _enough(warming: Sequence[Warming], changed: Mapping[int, Mapping[str, int]]) -> int | None:
    return _first_lasting(
        {
            bars: not rules and all(w.needs is not None and w.needs <= bars for w in warming)
            for bars, rules in changed.items()
        }
    )


def _first_lasting(is_fine: Mapping[int, bool]) -> int | None:
    """Return the smallest length from which on all are fine."""
    needs = None
    for bars in sorted(is_fine, reverse=True):
        if not is_fine[bars]:
            break
        needs = bars
    return needs


# --- what a live hour loads -------------------------------------------------------------------------


def _as_loaded(
    spec: StrategySpec, facts: Facts, times: DecisionTimes, full: FeaturePanel, terms: Terms, memory: Memory
) -> tuple[dict[str, float], int]:
    """Return the greatest relative error of each column of what a live hour loads, and its fewest daily bars."""
    errors: dict[str, float] = {}
    fewest: list[float] = []
    # Each hour is a panel of its own; a few, evenly chosen, tell as much as all.
    for row in np.unique(np.linspace(0, len(times) - 1, 12).astype(int)).tolist():
        one = times.take(slice(row, row + 1))
        panel = _panel(spec, remembered(facts, one, memory), one, terms)
        is_long = full.daily_bar_count[row] >= MIN_DAILY_BARS
        fewest += panel.daily_bar_count[0][is_long].tolist()
        for name in (n for n in columns() if n != "daily_bar_count"):
            error = _relative(getattr(full, name)[row], getattr(panel, name)[0])
            errors[name] = max(errors.get(name, 0.0), error)
    return {name: error for name, error in errors.items() if error}, int(min(fewest, default=0))


def _relative(full: NDArray[Any], short: NDArray[Any]) -> float:
    changed = differs(full, short)
    if not changed.any():
        return 0.0
    if full.dtype.kind != "f" or not np.isfinite([full[changed], short[changed]]).all():
        return float("inf")
    return float(np.max(np.abs(short[changed] / full[changed] - 1.0)))


def remembered(facts: Facts, at: DecisionTimes, memory: Memory) -> Facts:
    """Return what a live hour reads of `facts` for the one decision of `at`."""
    as_of, cutoff_at = at.as_of[0], at.cutoff_at[0]

    def keep(series: BarSeries) -> BarSeries:
        back = memory.daily if series.resolution is Resolution.DAY else memory.intraday
        since, until = as_of - np.timedelta64(back), np.searchsorted(series.ends_at, as_of, side="right")
        return series.take(slice(int(np.searchsorted(series.starts_at, since)), int(until)))

    since = as_of - np.timedelta64(memory.news)
    news = tuple(n for n in facts.news if utc64(n.published_at) >= since and utc64(n.known_at) <= cutoff_at)
    return replace(facts, bars={key: keep(series) for key, series in facts.bars.items()}, news=news)
