"""Has the market left what a model was trained on? Features, chances and hits of late, beside those of the training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trading.analysis.chances import chances
from trading.domain.models import ChanceModel
from trading.domain.panel import FloatArray
from trading.research.classifier import brier
from trading.research.samples import Samples

PSI_LIMIT = 0.25
"""Population stability index from which on a feature counts as another one."""
DRIFTED_LIMIT = 0.5
"""Part of the importance that features over `PSI_LIMIT` may carry."""
SHIFT_LIMIT = 0.15
"""How far the mean chance may be from that of the training."""
BRIER_MARGIN = 0.02
"""By how much the chances of late may be worse than the base rate before the model is benched."""
LABEL_SESSIONS = 60
"""Sessions with the newest labels that the chances are held against."""
FEATURE_SESSIONS = 252
FEWEST_SESSIONS = 20
"""Under so many sessions after its training nothing is said of a model."""


def reference_of(model: ChanceModel, samples: Samples, importance: Mapping[str, float]) -> dict[str, Any]:
    """Return what later samples are held against, as JSON: bins of each feature, mean chance and base rate.

    A bin is (upper edge, part of the training in it); the last edge is None, and so is the edge of "unknown", which
    comes first.
    """
    return {
        "features": {name: _bins(samples.features[:, column]) for column, name in enumerate(samples.names)},
        "mean_chance": float(np.average(chances(model, samples.features), weights=samples.weight)),
        "base_frac": float(np.average(samples.label, weights=samples.weight)),
        "importance": dict(importance),
    }


def _bins(values: FloatArray) -> dict[str, list[float]]:
    known = values[np.isfinite(values)]
    edges = np.unique(np.quantile(known, np.linspace(0.1, 0.9, 9))).tolist() if len(known) else []
    return {"edges": edges, "parts": _parts(values, edges)}


def _parts(values: FloatArray, edges: Sequence[float]) -> list[float]:
    """Return which part of `values` is unknown, and which part lies in each bin."""
    known = values[np.isfinite(values)]
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    parts: list[float] = (np.concatenate([[len(values) - len(known)], counts]) / max(len(values), 1)).tolist()
    return parts


def psi(values: FloatArray, bins: Mapping[str, Any]) -> float:
    """Return the population stability index of `values` against the bins of the training; 0 is the same."""
    was, now = np.array(bins["parts"]), np.array(_parts(values, bins["edges"]))
    was, now = np.maximum(was, 1e-4), np.maximum(now, 1e-4)
    return float(((now - was) * np.log(now / was)).sum())


@dataclass(frozen=True)
class Drift:
    """How far a model is from its training.

    Attributes:
        sessions: sessions after the training that it was looked at.
        psi: by feature. drifted_frac: part of the importance that features over the limit carry [0–1].
        shift: mean chance less that of the training.
        brier, base_brier: of the newest labels; None while there are too few.
        faults: a sentence for each limit that is passed; the model is benched if there is one.
    """

    sessions: int
    psi: Mapping[str, float]
    drifted_frac: float
    shift: float
    brier: float | None
    base_brier: float | None
    faults: tuple[str, ...]


def drift_of(model: ChanceModel, reference: Mapping[str, Any], after: Samples) -> Drift | None:
    """Return how far the model is from its training, or None while it is too new to say.

    Market-wide features of one year are never those of ten, so that single features over the limit bench nothing:
    they must carry half of the importance.

    Args:
        after: samples of sessions after the training, ascending, those without a label too.
    """
    sessions = np.unique(after.session_on)
    if len(sessions) < FEWEST_SESSIONS:
        return None
    late = after.take(after.session_on >= sessions[-min(FEATURE_SESSIONS, len(sessions))])
    indices = {n: psi(late.features[:, c], reference["features"][n]) for c, n in enumerate(after.names)}
    weight = {name: max(value, 0.0) for name, value in reference["importance"].items()}
    total = sum(weight.values())
    drifted = sum(weight.get(name, 0.0) for name, value in indices.items() if value > PSI_LIMIT)
    shift = float(chances(model, late.features).mean()) - float(reference["mean_chance"])
    score, base = _hits(model, reference, after)
    part = drifted / total if total > 0 else 0.0
    return Drift(len(sessions), indices, part, shift, score, base, tuple(_faults(part, shift, score, base)))


def _hits(model: ChanceModel, reference: Mapping[str, Any], after: Samples) -> tuple[float | None, float | None]:
    labelled = after.take(np.isfinite(after.gain_frac))
    sessions = np.unique(labelled.session_on)
    if len(sessions) < LABEL_SESSIONS:
        return None, None
    late = labelled.take(labelled.session_on >= sessions[-LABEL_SESSIONS])
    base = np.full(len(late), float(reference["base_frac"]))
    said = chances(model, late.features)
    return brier(said, late.label, late.weight), brier(base, late.label, late.weight)


def _faults(drifted: float, shift: float, score: float | None, base: float | None) -> Iterator[str]:
    if drifted > DRIFTED_LIMIT:
        yield f"features with {drifted:.0%} of its importance have a PSI over {PSI_LIMIT:g}"
    if abs(shift) > SHIFT_LIMIT:
        yield f"its mean chance moved by {shift:+.3f}, the limit is {SHIFT_LIMIT:g}"
    if score is not None and base is not None and score > base + BRIER_MARGIN:
        yield f"its Brier score of {LABEL_SESSIONS} sessions is {score:.4f}, the base rate's {base:.4f}"
