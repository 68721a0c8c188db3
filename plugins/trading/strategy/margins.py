"""How far each verdict is from the opposite one, which rules keep a symbol out, and which symbols nearly got in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import isfinite

from trading.domain.instruments import Symbol
from trading.domain.signals import Outcome, Reason, RuleRole

LITTLE_FRAC = 0.03
"""Every rule in the way missed by at most this part of its range: the symbol nearly got in, however many they are."""
HELD = "position_open"
"""The verdict that a symbol is held already; nothing keeps such a symbol out."""


class Sense(StrEnum):
    """On which side of its threshold a rule passes."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Scale:
    """How a rule compares.

    Attributes:
        passes: on which side of the threshold.
        range_size: length of the range that the value moves in; None for the threshold itself, as of a price.
    """

    passes: Sense
    range_size: float | None = None


SCALES: Mapping[str, Scale] = {
    "golden_cross": Scale(Sense.ABOVE),
    "sentiment_above": Scale(Sense.ABOVE, 2.0),
    "rsi_below": Scale(Sense.BELOW, 100.0),
    "cheaper_than_sector": Scale(Sense.BELOW),
    "macro_supports_metals": Scale(Sense.ABOVE, 0.10),
    "revenue_growing": Scale(Sense.ABOVE, 1.0),
    "earnings_surprise_above": Scale(Sense.ABOVE, 1.0),
    "model_agrees": Scale(Sense.ABOVE, 1.0),
    "rsi_above": Scale(Sense.ABOVE, 100.0),
    "negative_news": Scale(Sense.BELOW, 2.0),
    "vix_above": Scale(Sense.ABOVE),
    "drawdown_breaker": Scale(Sense.ABOVE, 1.0),
    "software_stop": Scale(Sense.BELOW),
}
"""Rules that hold one number against another. What is not here has no distance."""


@dataclass(frozen=True, slots=True)
class Gap:
    """How far a value is from where its verdict turns.

    Attributes:
        change: what has to be added to the value. frac: its size as a part of the rule's range.
    """

    change: float
    frac: float


def gap_of(reason: Reason) -> Gap | None:
    """Return how far a verdict is from its opposite; None where no number says, or another one decided."""
    scale = SCALES.get(reason.rule)
    seen, limit = reason.observed, reason.threshold
    if scale is None or reason.outcome is Outcome.ABSTAIN or seen is None or limit is None:
        return None
    size = abs(limit) if scale.range_size is None else scale.range_size
    is_beyond = seen > limit if scale.passes is Sense.ABOVE else seen < limit
    # Two sources of bad news pass whatever the score is, and a loss fails though it is under every P/E.
    if is_beyond != (reason.outcome is Outcome.PASS) and seen != limit:
        return None
    return Gap(limit - seen, abs(limit - seen) / size) if size > 0 and isfinite(size) else None


def is_in_the_way(reason: Reason) -> bool:
    """Return whether a verdict keeps its symbol out, as `judge` reads it."""
    if reason.role is RuleRole.ENTRY_REQUIRED:
        return reason.outcome is not Outcome.PASS
    if reason.role in (RuleRole.ENTRY_OPTIONAL, RuleRole.SHRINK):
        return reason.outcome is Outcome.FAIL
    if reason.role is RuleRole.EXIT:
        return reason.outcome is Outcome.PASS
    return reason.outcome is not Outcome.FAIL


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A symbol that the same rules kept out by little, or one rule alone.

    Attributes:
        count: hours in which it was so. closest: the verdicts of the hour with the smallest distance.
        frac: that distance, the largest of its rules', as a part of their ranges; None where a rule abstained.
    """

    symbol: Symbol
    rules: tuple[str, ...]
    count: int
    first_at: datetime
    last_at: datetime
    closest: tuple[Reason, ...]
    frac: float | None


def near_misses(reasons: Iterable[Reason], *, little_frac: float = LITTLE_FRAC) -> tuple[NearMiss, ...]:
    """Return what nearly got in, the closest first and what only lacked a value last.

    Args:
        reasons: every verdict of the decisions to look at.
    """
    cells: dict[tuple[Symbol, datetime], list[Reason]] = defaultdict(list)
    for reason in (r for r in reasons if is_in_the_way(r)):
        cells[reason.symbol, reason.as_of].append(reason)
    found: dict[tuple[Symbol, tuple[str, ...]], list[list[Reason]]] = defaultdict(list)
    for (symbol, _), against in cells.items():
        distance = _farthest(against)
        is_little = distance is not None and distance <= little_frac
        if (len(against) == 1 or is_little) and not any(r.rule == HELD for r in against):
            found[symbol, tuple(sorted(r.rule for r in against))].append(against)
    misses = [_miss(symbol, rules, hours) for (symbol, rules), hours in found.items()]
    return tuple(sorted(misses, key=lambda m: (m.frac is None, m.frac or 0.0, -m.count, m.symbol, m.rules)))


def _farthest(against: list[Reason]) -> float | None:
    gaps = [gap_of(reason) for reason in against]
    return max((gap.frac for gap in gaps if gap), default=None) if all(gaps) else None


def _miss(symbol: Symbol, rules: tuple[str, ...], hours: list[list[Reason]]) -> NearMiss:
    distances = [(_farthest(against), against) for against in hours]
    known = [(distance, against) for distance, against in distances if distance is not None]
    frac, closest = min(known, key=lambda one: one[0]) if known else (None, hours[-1])
    times = [against[0].as_of for against in hours]
    return NearMiss(symbol, rules, len(hours), min(times), max(times), tuple(closest), frac)
