"""What a walk-forward shows: out-of-sample equity, what was lost on the way, and how steady the parameters are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

import numpy as np

from trading.domain.panel import FloatArray
from trading.domain.searches import Axis, Figures, Objective, Outcome, Value
from trading.research.scoring import figures_of_curve, value_of


@dataclass(frozen=True)
class Stability:
    """How one parameter's winners moved from window to window.

    Attributes:
        values: of the winner of each window, in order; None where no trial counted.
        most_chosen_share: part of the windows that chose the most frequent value.
        mean_steps: mean distance between winners that follow one another, in steps of the axis.
    """

    name: str
    values: tuple[Value | None, ...]
    most_chosen_share: float | None
    mean_steps: float | None


@dataclass(frozen=True)
class Forward:
    """A walk-forward in figures.

    Attributes:
        equity_usd: the test windows one behind the other: each grows what the one before left.
        test: figures of `equity_usd`. own: the same of the strategy's own numbers.
        train_mean, test_mean: mean objective of the winners. own_mean: of the strategy's own numbers on the tests. None
            where no window has one.
        kept_frac: test_mean ÷ train_mean; None where the latter is not above 0.
    """

    equity_usd: FloatArray
    test: Figures
    own: Figures
    train_mean: float | None
    test_mean: float | None
    own_mean: float | None
    kept_frac: float | None
    stability: tuple[Stability, ...]


def forward_of(axes: Sequence[Axis], outcomes: Sequence[Outcome], objective: Objective) -> Forward | None:
    """Return the figures over all windows, which must be in order; None without one."""
    if not outcomes:
        return None
    equity = stitched([outcome.test_equity for outcome in outcomes])
    train_mean = _mean([o.train for o in outcomes], objective)
    test_mean = _mean([o.test for o in outcomes], objective)
    return Forward(
        equity_usd=equity,
        test=_over_all(equity, [outcome.test for outcome in outcomes]),
        own=_over_all(stitched([o.own_equity for o in outcomes]), [outcome.own_test for outcome in outcomes]),
        train_mean=train_mean,
        test_mean=test_mean,
        own_mean=_mean([o.own_test for o in outcomes], objective),
        kept_frac=test_mean / train_mean
        if train_mean is not None and test_mean is not None and train_mean > 0
        else None,
        stability=tuple(_stability(axis, outcomes) for axis in axes),
    )


def stitched(curves: Sequence[Sequence[float]]) -> FloatArray:
    """Return curves one behind the other, each scaled to begin where the one before ended."""
    joined = np.asarray(curves[0], dtype=np.float64)
    for curve in curves[1:]:
        grown = np.asarray(curve, dtype=np.float64)
        joined = np.concatenate([joined, grown[1:] * (joined[-1] / grown[0])])
    return joined


def _over_all(equity_usd: FloatArray, windows: Sequence[Figures]) -> Figures:
    entries = sum(int(figures["entries"] or 0) for figures in windows)
    exposures = [figures["exposure_frac"] or 0.0 for figures in windows]
    weights = [figures["return_count"] or 0 for figures in windows]
    return figures_of_curve(equity_usd, float(np.average(exposures, weights=weights)), entries)


def _mean(figures: Sequence[Figures | None], objective: Objective) -> float | None:
    values = [v for f in figures if f is not None and (v := value_of(f, objective)) is not None]
    return fmean(values) if values else None


def _stability(axis: Axis, outcomes: Sequence[Outcome]) -> Stability:
    values = tuple(None if o.winner is None else o.winner[axis.name] for o in outcomes)
    chosen = [axis.values.index(value) for value in values if value is not None]
    steps = [abs(later - earlier) for earlier, later in pairwise(chosen)]
    most = Counter(chosen).most_common(1)
    return Stability(axis.name, values, most[0][1] / len(chosen) if most else None, fmean(steps) if steps else None)
