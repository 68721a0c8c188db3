"""A model of chances: its trees as arrays, its row in the registry, and who promoted or benched it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trading.domain.panel import FloatArray, Why

type IndexArray = NDArray[np.int32]


@dataclass(frozen=True)
class Trees:
    """Boosted trees laid out node by node, tree behind tree; a leaf leads to itself.

    Attributes:
        roots: first node of each tree, shape (trees,).
        feature, threshold, left, right, missing_left, value: of each node, shape (nodes,). A value at or under the
            threshold goes left; an unknown one goes left where `missing_left`. Values count at leaves, in log-odds.
        baseline: log-odds before the first tree.
        depth: steps from a root to its furthest leaf.
    """

    roots: IndexArray
    feature: IndexArray
    threshold: FloatArray
    left: IndexArray
    right: IndexArray
    missing_left: NDArray[np.bool_]
    value: FloatArray
    baseline: float
    depth: int


class TreeTrainer(Protocol):
    """Fits small boosted trees; the same input gives the same trees, on any number of cores."""

    @property
    def library(self) -> str:
        """Name and version of what fits, e.g. "scikit-learn 1.7.2"."""
        ...

    def fit(self, features: FloatArray, label: FloatArray, weight: FloatArray, *, seed: int) -> Trees:
        """Return trees fitted to 0/1 labels; unknown features are NaN."""
        ...


@dataclass(frozen=True)
class ChanceModel:
    """What turns features into a calibrated chance.

    Attributes:
        features: names of its inputs, in order (`analysis.chances.FEATURES`).
        slope, intercept: chance = 1 / (1 + exp(−(intercept + slope × log-odds of the trees))).
    """

    model_id: str
    features: tuple[str, ...]
    trees: Trees
    slope: float
    intercept: float


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """When a past entry counts as good: the strategy's own stop and target, within a horizon.

    Attributes:
        horizon_sessions: sessions after which an entry that met neither is sold at the close.
        trail_frac, take_profit_frac: distances of the trailing stop and the target [0–1].
    """

    horizon_sessions: int
    trail_frac: float
    take_profit_frac: float


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A row of the registry.

    Attributes:
        kind: what it says, "barrier" for the chance that an entry gains.
        file_name, sha256: the file in the state folder, and the hash without which it is not read.
        train_first_on, train_last_on: first and last session whose bars the training saw, labels included.
        usable_from: end of the last of them: no earlier hour may hear the model.
        metrics: walk-forward figures, calibration, drift references; see `docs/model.md`.
        library: name and version of what fitted it.
    """

    model_id: str
    kind: str
    file_name: str
    sha256: str
    features: tuple[str, ...]
    train_first_on: date
    train_last_on: date
    usable_from: datetime
    label: LabelSpec
    metrics: Mapping[str, Any]
    library: str
    strategy: str
    spec_hash: str
    code_version: str
    is_synthetic: bool
    created_at: datetime


class ModelAction(StrEnum):
    """What happened to a model."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"
    BENCH = "bench"


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """One event; the newest says which model is heard.

    Attributes:
        model_id: the model that it happened to.
        champion_id: the model that is heard from then on; None for none.
        actor, reason: who did it, and why.
    """

    action: ModelAction
    model_id: str
    champion_id: str | None
    at: datetime
    actor: str
    reason: str


@dataclass(frozen=True)
class ModelEra:
    """From an instant on, this model is heard, or none and why.

    Attributes:
        from_at: hours that end at or after it belong to the era.
        usable_from: see `ModelRecord`; hours that do not end after it hear nothing.
        model: None where `why` says why none is heard.
    """

    from_at: datetime
    usable_from: datetime
    model: ChanceModel | None = None
    why: Why = Why.NO_MODEL


def champion_of(events: Sequence[ModelEvent]) -> str | None:
    """Return the model that is heard after `events`, ascending by time; None for none."""
    return events[-1].champion_id if events else None


def previous_champion(events: Sequence[ModelEvent], champion_id: str) -> str | None:
    """Return the last model that was promoted before `champion_id` was and is another one; None for none."""
    promoted = [e.model_id for e in events if e.action is ModelAction.PROMOTE]
    last = len(promoted) - 1 - promoted[::-1].index(champion_id)
    return next((m for m in reversed(promoted[:last]) if m != champion_id), None)
