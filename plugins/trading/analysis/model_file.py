"""A model as JSON text and back: plain numbers, so that reading a file never runs anything from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from trading.analysis.chances import FEATURES, chances
from trading.domain.models import ChanceModel, Trees
from trading.domain.panel import FloatArray, Why

FORMAT = "airdesk-trees-1"
PROBE_ROWS = 32
_SAME = 1e-12
_TYPES: Mapping[str, Any] = {
    "roots": np.int32, "feature": np.int32, "threshold": np.float64, "left": np.int32, "right": np.int32,
    "missing_left": np.bool_, "value": np.float64,
}  # fmt: skip


def written(model: ChanceModel, probe: FloatArray) -> str:
    """Return the text of a model's file, with its answers to the rows of `probe` for whoever reads it back."""
    trees = {f.name: _plain(getattr(model.trees, f.name)) for f in fields(Trees)}
    rows = probe[:PROBE_ROWS]
    told = {
        "format": FORMAT,
        "model_id": model.model_id,
        "features": list(model.features),
        "slope": model.slope,
        "intercept": model.intercept,
        "trees": trees,
        "probe": [[None if np.isnan(value) else value for value in row] for row in rows.tolist()],
        "probe_chances": chances(model, rows).tolist(),
    }
    return json.dumps(told, indent=None, separators=(",", ":"), allow_nan=False) + "\n"


def read(text: str) -> ChanceModel | Why:
    """Return the model of a file, or why it is not heard: its shape, its features, or its answers to the probe."""
    try:
        told = json.loads(text)
        model, probe, said = _model(told), _matrix(told["probe"]), np.array(told["probe_chances"], dtype=np.float64)
        is_whole = told["format"] == FORMAT and _is_sound(model) and len(probe) == len(said) > 0
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return Why.MODEL_UNREADABLE
    if not is_whole or probe.shape[1] != len(model.features):
        return Why.MODEL_UNREADABLE
    if model.features != tuple(FEATURES):
        return Why.MODEL_OTHER_INPUTS
    answers = chances(model, probe)
    is_chance = np.isfinite(answers) & (answers >= 0.0) & (answers <= 1.0)
    return model if bool((is_chance & (np.abs(answers - said) <= _SAME)).all()) else Why.MODEL_FAILS


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _matrix(rows: list[list[float | None]]) -> FloatArray:
    return np.array([[np.nan if value is None else value for value in row] for row in rows], dtype=np.float64)


def _model(told: Mapping[str, Any]) -> ChanceModel:
    arrays = {name: np.array(told["trees"][name], dtype=kind) for name, kind in _TYPES.items()}
    trees = Trees(**arrays, baseline=float(told["trees"]["baseline"]), depth=int(told["trees"]["depth"]))
    features = tuple(str(name) for name in told["features"])
    return ChanceModel(str(told["model_id"]), features, trees, float(told["slope"]), float(told["intercept"]))


def _is_sound(model: ChanceModel) -> bool:
    """Whether every number is one, every node leads to a node of its own tree, and no walk is endless."""
    trees, count = model.trees, len(model.trees.feature)
    same_length = all(len(getattr(trees, name)) == count for name in _TYPES if name != "roots")
    if not (same_length and count and len(trees.roots) and 0 <= trees.depth <= 64):
        return False
    own = np.arange(count)
    leads_on = all(bool(((side >= own) & (side < count)).all()) for side in (trees.left, trees.right))
    numbers = (trees.threshold, trees.value, [trees.baseline, model.slope, model.intercept])
    return (
        leads_on
        and bool(((trees.feature >= 0) & (trees.feature < len(model.features))).all())
        and bool(((trees.roots >= 0) & (trees.roots < count)).all())
        and all(bool(np.isfinite(part).all()) for part in numbers)
    )
