"""Plateau or needle: what the scores around the best trial say about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from statistics import fmean, median

from trading.domain.searches import Axis, Parameters, SearchTrial, Value, best_of

FEWEST_NEIGHBOURS = 3
"""Under so many nothing is said."""


class Shape(StrEnum):
    """What surrounds the best trial."""

    PLATEAU = "plateau"
    SLOPE = "slope"
    NEEDLE = "needle"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Marginal:
    """Scores of every trial that holds one value of one parameter; None where none counts."""

    value: Value
    count: int
    median: float | None
    best: float | None


@dataclass(frozen=True)
class HeatMap:
    """Median score of the trials at each pair of values; rows follow `down`, columns `across`, None where unknown."""

    down: Axis
    across: Axis
    scores: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Robustness:
    """How much the best trial owes to its exact numbers.

    Attributes:
        neighbours: measured trials at most one step away on every axis, the best one left out.
        neighbour_count: points of the grid that are such neighbours, measured or not.
        within_frac: part of the best score that a neighbour may lack; near_share: neighbours that lack no more.
        at_edge: parameters whose first or last value the best trial holds: the best one may lie outside.
    """

    best: SearchTrial
    median_score: float
    counting: int
    neighbours: tuple[SearchTrial, ...]
    neighbour_count: int
    within_frac: float
    near_share: float | None
    shape: Shape
    at_edge: tuple[str, ...]
    marginals: Mapping[str, tuple[Marginal, ...]]
    heat_maps: tuple[HeatMap, ...]


def robustness_of(
    axes: Sequence[Axis], trials: Sequence[SearchTrial], *, within_frac: float = 0.10
) -> Robustness | None:
    """Return what surrounds the best of `trials`; None if no trial counts.

    A neighbour whose trial does not count (too few trades) is a neighbour that is not near.
    """
    best = best_of(trials)
    if best is None or best.score is None:
        return None
    scores = [t.score for t in trials if t.score is not None]
    neighbours = tuple(t for t in trials if t.key != best.key and is_neighbour(axes, t.parameters, best.parameters))
    floor = best.score - within_frac * abs(best.score)
    near = sum(t.score is not None and t.score >= floor for t in neighbours)
    share = near / len(neighbours) if neighbours else None
    return Robustness(
        best=best,
        median_score=median(scores),
        counting=len(scores),
        neighbours=neighbours,
        neighbour_count=_neighbour_count(axes, best.parameters),
        within_frac=within_frac,
        near_share=share,
        shape=_shape(share, len(neighbours)),
        at_edge=tuple(axis.name for axis in axes if _is_edge(axis, best.parameters[axis.name])),
        marginals={axis.name: tuple(_marginal(axis.name, v, trials) for v in axis.values) for axis in axes},
        heat_maps=tuple(_heat_map(a, b, trials) for a, b in combinations([x for x in axes if len(x.values) > 1], 2)),
    )


def is_neighbour(axes: Sequence[Axis], one: Parameters, other: Parameters) -> bool:
    """Whether two points lie at most one step apart on every axis."""
    return all(abs(a.values.index(one[a.name]) - a.values.index(other[a.name])) <= 1 for a in axes)


def _neighbour_count(axes: Sequence[Axis], point: Parameters) -> int:
    count = 1
    for axis in axes:
        at = axis.values.index(point[axis.name])
        count *= len(axis.values[max(0, at - 1) : at + 2])
    return count - 1


def _is_edge(axis: Axis, value: Value) -> bool:
    return len(axis.values) > 2 and value in (axis.values[0], axis.values[-1])


def _shape(share: float | None, measured: int) -> Shape:
    if share is None or measured < FEWEST_NEIGHBOURS:
        return Shape.UNKNOWN
    return Shape.PLATEAU if share >= 0.5 else Shape.SLOPE if share >= 0.2 else Shape.NEEDLE


def _marginal(name: str, value: Value, trials: Sequence[SearchTrial]) -> Marginal:
    here = [t for t in trials if t.parameters[name] == value]
    scores = [t.score for t in here if t.score is not None]
    return Marginal(value, len(here), median(scores) if scores else None, max(scores, default=None))


def _heat_map(down: Axis, across: Axis, trials: Sequence[SearchTrial]) -> HeatMap:
    cells: dict[tuple[Value, Value], list[float]] = {}
    for trial in trials:
        if trial.score is not None:
            cells.setdefault((trial.parameters[down.name], trial.parameters[across.name]), []).append(trial.score)
    rows = (tuple(_middle(cells.get((d, a))) for a in across.values) for d in down.values)
    return HeatMap(down, across, tuple(rows))


def _middle(scores: Sequence[float] | None) -> float | None:
    return median(scores) if scores else None


def averaged(trials: Sequence[SearchTrial]) -> tuple[SearchTrial, ...]:
    """Return one trial for each set of parameters, with the mean score over the windows in which it counts."""
    by_key: dict[str, list[SearchTrial]] = {}
    for trial in trials:
        by_key.setdefault(trial.key, []).append(trial)
    return tuple(_averaged(number, group) for number, group in enumerate(by_key.values()))


def _averaged(number: int, group: Sequence[SearchTrial]) -> SearchTrial:
    scores = [t.score for t in group if t.score is not None]
    first = group[0]
    why = None if scores else first.why
    return SearchTrial(0, number, first.parameters, first.spec_hash, fmean(scores) if scores else None, why, None)
