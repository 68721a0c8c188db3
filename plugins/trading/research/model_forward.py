"""Purged walk-forward: a model for each test window, trained on labels known an embargo before the window begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from trading.analysis.chances import chances
from trading.domain.market import Session
from trading.domain.models import ChanceModel, LabelSpec, ModelEra, TreeTrainer
from trading.domain.panel import FloatArray, Why
from trading.errors import ConfigurationError
from trading.research.classifier import Quality, fit_model, importance, quality_of
from trading.research.samples import Samples


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """How a model is walked forward.

    Attributes:
        test_months: months that one training serves.
        embargo_sessions: sessions between the last one that the training saw and the first test; at least the horizon.
    """

    label: LabelSpec
    test_months: int = 6
    embargo_sessions: int = 20

    def __post_init__(self) -> None:
        if self.embargo_sessions < self.label.horizon_sessions:
            raise ConfigurationError(
                f"an embargo of {self.embargo_sessions} sessions is under the horizon of "
                f"{self.label.horizon_sessions}; make it at least as long"
            )


@dataclass(frozen=True)
class WindowModel:
    """One test window and the model that serves it.

    Attributes:
        train_last_on: last session that the training saw, labels included; an embargo before `first`.
        first, last: sessions of the test.
        model: None where there was too little to learn from; the rules then go alone.
        train_count: samples of the training. base_frac: weighted part of them that gained.
    """

    number: int
    train_last_on: date
    usable_from: Session
    first: Session
    last: Session
    model: ChanceModel | None
    train_count: int
    base_frac: float


@dataclass(frozen=True)
class ModelForward:
    """A walk-forward of a model, without the replays.

    Attributes:
        quality: of all tests together; None where no test has a label. importance: mean over the windows.
    """

    plan: ModelPlan
    windows: tuple[WindowModel, ...]
    quality: Quality | None
    importance: dict[str, float]

    @property
    def eras(self) -> tuple[ModelEra, ...]:
        """Return which model is heard when."""
        return tuple(
            ModelEra(w.first.opens_at, w.usable_from.closes_at, w.model, Why.NO_MODEL if w.model is None else Why.KNOWN)
            for w in self.windows
        )


def walk_model(
    samples: Samples, before: Sequence[Session], tested: Sequence[Session], plan: ModelPlan, trainer: TreeTrainer
) -> ModelForward:
    """Return the models of every window of `tested`, and how good their chances were.

    Each training takes every sample whose label was known by its last session: it grows from window to window. The
    embargo then keeps the market that the last labels saw away from the first test.

    Args:
        before: sessions before the tests, ascending; the last ones are the embargo of the first window.
    """
    every, offset = [*before, *tested], len(before)
    windows = []
    for number, (begins, ends) in enumerate(_windows(tested, plan.test_months)):
        place = offset + begins - 1 - plan.embargo_sessions
        if place < 0:
            raise ConfigurationError(f"no session is left to learn from before {tested[0].session_on}; begin later")
        seen = samples.known_by(every[place].session_on)
        model = fit_model(seen, trainer, model_id=f"walk-forward-{number}")
        base = float(np.average(seen.label, weights=seen.weight)) if len(seen) else float("nan")
        windows.append(
            WindowModel(
                number, every[place].session_on, every[place], tested[begins], tested[ends],
                model, len(seen), base,
            )
        )  # fmt: skip
    quality, lost = _judged(samples, windows)
    return ModelForward(plan, tuple(windows), quality, lost)


def _windows(tested: Sequence[Session], months: int) -> list[tuple[int, int]]:
    """Return first and last place of each window: `months` calendar months, the last one what is left."""
    first = tested[0].session_on
    number = [((s.session_on.year - first.year) * 12 + s.session_on.month - first.month) // months for s in tested]
    starts = [place for place, n in enumerate(number) if place == 0 or n != number[place - 1]]
    return list(zip(starts, [*(s - 1 for s in starts[1:]), len(tested) - 1], strict=True))


def _judged(samples: Samples, windows: Sequence[WindowModel]) -> tuple[Quality | None, dict[str, float]]:
    said: list[tuple[FloatArray, FloatArray, FloatArray, FloatArray]] = []
    lost: list[dict[str, float]] = []
    for window in windows:
        rows = samples.between(window.first.session_on, window.last.session_on)
        rows = rows.take(np.isfinite(rows.gain_frac))
        if window.model is None or not len(rows):
            continue
        chance = chances(window.model, rows.features)
        said.append((chance, rows.label, rows.weight, np.full(len(rows), window.base_frac)))
        lost.append(dict(importance(window.model, rows)))
    if not said:
        return None, {}
    parts = [np.concatenate(column) for column in zip(*said, strict=True)]
    means = {name: float(np.mean([one[name] for one in lost])) for name in lost[0]}
    return quality_of(*parts), dict(sorted(means.items(), key=lambda item: -item[1]))
