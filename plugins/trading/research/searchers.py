"""What every searcher looks like, and the plain grid."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from trading.domain.searches import Axis, Parameters, Plan


class Searcher(Protocol):
    """Chooses the next trial; the same plan and the same scores give the same trials in the same order."""

    def ask(self) -> Parameters | None:
        """Return parameters that were not asked before, or None when the search is over."""
        ...

    def tell(self, parameters: Parameters, score: float | None) -> None:
        """Hear what became of the parameters that were asked last; None if the trial does not count."""
        ...


class GridSearcher:
    """Every point of the grid in turn; with a smaller number of trials, points at even distances."""

    def __init__(self, plan: Plan) -> None:
        self._points = deque(chosen_points(plan))

    def ask(self) -> Parameters | None:
        """Return the next point, or None after the last."""
        return self._points.popleft() if self._points else None

    def tell(self, parameters: Parameters, score: float | None) -> None:
        """A grid learns nothing."""


class GivenSearcher:
    """Points that were chosen elsewhere: one batch of a grid."""

    def __init__(self, points: Sequence[Parameters]) -> None:
        self._points = deque(points)

    def ask(self) -> Parameters | None:
        """Return the next point, or None after the last."""
        return self._points.popleft() if self._points else None

    def tell(self, parameters: Parameters, score: float | None) -> None:
        """What was given does not change."""


def point_at(axes: Sequence[Axis], number: int) -> Parameters:
    """Return a point of the grid by its number from 0; the last axis is the first to change."""
    values = {}
    for axis in reversed(axes):
        number, index = divmod(number, len(axis.values))
        values[axis.name] = axis.values[index]
    return {axis.name: values[axis.name] for axis in axes}


def chosen_points(plan: Plan) -> list[Parameters]:
    """Return the points that a grid search of `plan` tries, in order."""
    count, total = plan.trials_per_window, plan.point_count
    return [point_at(plan.axes, number * total // count) for number in range(count)]
