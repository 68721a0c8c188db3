"""Fit, calibrate and judge a model of chances on samples. The trees come from a trainer outside; the rest is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trading.analysis.chances import chances, log_odds
from trading.analysis.facts import DateArray
from trading.domain.models import ChanceModel, TreeTrainer
from trading.domain.panel import FloatArray
from trading.research.samples import Samples

CALIBRATION_FRAC = 0.25
"""Last part of the training sessions, on which the trees are not fitted but their chances are calibrated."""
FEWEST_SAMPLES = 500
FEWEST_SESSIONS = 250
SEED = 7


def fit_model(samples: Samples, trainer: TreeTrainer, *, model_id: str = "", seed: int = SEED) -> ChanceModel | None:
    """Return a model of `samples`, whose labels must all be known; None where nothing was learned from them.

    The trees are fitted to the earlier sessions only, and to labels that were known before the calibration part
    begins; the two numbers of the calibration come from that later part. Trees that say nothing there, or the opposite
    of what came, are no model.
    """
    sessions = np.unique(samples.session_on)
    if len(samples) < FEWEST_SAMPLES or len(sessions) < FEWEST_SESSIONS:
        return None
    begins = sessions[int(len(sessions) * (1.0 - CALIBRATION_FRAC))]
    early, late = samples.take(samples.known_on < begins), samples.take(samples.session_on >= begins)
    if len(early) < FEWEST_SAMPLES // 2 or np.ptp(early.label) == 0.0:
        return None
    trees = trainer.fit(early.features, early.label, early.weight, seed=seed)
    slope, intercept = calibration(log_odds(trees, late.features), late.label, late.weight)
    return ChanceModel(model_id, samples.names, trees, slope, intercept) if slope > 0.0 else None


def calibration(said: FloatArray, label: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Return slope and intercept of Platt's scaling of log-odds, fitted by Newton's method to weighted labels.

    Labels are pulled towards the middle as Platt does, so that few samples make no certainty. A slope under 0 would
    turn the trees' words around: it is 0 instead, with the base rate as the chance.
    """
    weight = weight / weight.mean()
    good, bad = float((weight * label).sum()), float((weight * (1.0 - label)).sum())
    wanted = np.where(label > 0, (good + 1.0) / (good + 2.0), 1.0 / (bad + 2.0))
    base = float(np.log((good + 1.0) / (bad + 1.0)))
    slope, intercept = 1.0, base - float(np.average(said, weights=weight))
    for _ in range(100):
        chance = 1.0 / (1.0 + np.exp(-(intercept + slope * said)))
        error, curve = weight * (chance - wanted), weight * chance * (1.0 - chance)
        gradient = np.array([(error * said).sum(), error.sum()])
        bend = np.array([[(curve * said**2).sum() + 1e-9, (curve * said).sum()], [(curve * said).sum(), curve.sum()]])
        move = np.linalg.solve(bend + 1e-9 * np.eye(2), gradient)
        slope, intercept = slope - float(move[0]), intercept - float(move[1])
        if float(np.abs(move).max()) < 1e-10:
            break
    return (slope, intercept) if slope > 0.0 else (0.0, base)


@dataclass(frozen=True)
class Quality:
    """How good chances were, on samples that no training saw; None where nothing was judged.

    Attributes:
        count, base_frac: samples, and the weighted part of them that gained.
        brier: weighted mean squared error of the chances. base_brier: of always saying what gained in the training.
        auc: chance that a gaining sample got the higher chance of two.
        mean_chance: weighted mean of the chances.
        reliability: (mean chance, part that gained, samples) for tenths of the chances, ascending.
    """

    count: int
    base_frac: float
    brier: float
    base_brier: float
    auc: float | None
    mean_chance: float
    reliability: tuple[tuple[float, float, int], ...]

    @property
    def knows_something(self) -> bool:
        """Whether the chances beat the base rate."""
        return self.brier < self.base_brier


def quality_of(chance: FloatArray, label: FloatArray, weight: FloatArray, base_chance: FloatArray) -> Quality | None:
    """Return how good `chance` was; `base_chance` is the base rate that each sample's training knew."""
    if len(label) == 0:
        return None
    order = np.argsort(chance, kind="stable")
    tenths = [part for part in np.array_split(order, 10) if len(part)]
    return Quality(
        count=len(label),
        base_frac=float(np.average(label, weights=weight)),
        brier=brier(chance, label, weight),
        base_brier=brier(base_chance, label, weight),
        auc=_auc(chance, label),
        mean_chance=float(np.average(chance, weights=weight)),
        reliability=tuple((float(chance[p].mean()), float(label[p].mean()), len(p)) for p in tenths),
    )


def brier(chance: FloatArray, label: FloatArray, weight: FloatArray) -> float:
    """Return the weighted mean squared error of chances [0–1]; lower is better."""
    return float(np.average((chance - label) ** 2, weights=weight))


def _auc(chance: FloatArray, label: FloatArray) -> float | None:
    good, bad = np.sort(chance[label > 0]), np.sort(chance[label <= 0])
    if not (len(good) and len(bad)):
        return None
    below = np.searchsorted(bad, good, side="left") + np.searchsorted(bad, good, side="right")
    return float(below.sum() / 2.0 / len(good) / len(bad))


def importance(model: ChanceModel, samples: Samples, *, seed: int = SEED) -> Mapping[str, float]:
    """Return by how much the Brier score of `samples` worsens when a feature's values are shuffled, by feature.

    Shuffled by whole sessions: a market-wide feature keeps one value a session, and neighbours stay neighbours.
    """
    draw = np.random.default_rng(seed)
    base = brier(chances(model, samples.features), samples.label, samples.weight)
    lost: dict[str, float] = {}
    is_branch = model.trees.left != np.arange(len(model.trees.left))
    asked = set(model.trees.feature[is_branch].tolist())
    for column, name in enumerate(samples.names):
        shuffled = samples.features.copy()
        shuffled[:, column] = shuffled[_by_sessions(samples.session_on, draw), column]
        # A feature that no branch asks for changes nothing.
        worse = brier(chances(model, shuffled), samples.label, samples.weight) - base if column in asked else 0.0
        lost[name] = worse
    return lost


def _by_sessions(session_on: DateArray, draw: np.random.Generator) -> Any:
    """Return rows in which each session's are taken from another session, in a random order of sessions."""
    _, first, count = np.unique(session_on, return_index=True, return_counts=True)
    other = draw.permutation(len(first))
    place = np.concatenate([first[o] + np.arange(n) % count[o] for o, n in zip(other, count, strict=True)])
    return np.minimum(place, len(session_on) - 1)
