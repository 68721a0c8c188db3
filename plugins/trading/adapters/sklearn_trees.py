"""scikit-learn's histogram gradient boosting as a `TreeTrainer`: fitted on one thread, taken out as plain arrays."""

from __future__ import annotations

import numpy as np

from trading.domain.models import Trees
from trading.domain.panel import FloatArray

DEPTH = 2
ROUNDS = 60
LEARNING_RATE = 0.05
LEAST_IN_LEAF = 100
PULL = 10.0
"""L2 of the leaves. Ten symbols are few independent samples: everything here keeps the model small."""


class SklearnTrees:
    """`TreeTrainer` on scikit-learn; what it returns needs no scikit-learn any more."""

    @property
    def library(self) -> str:
        """Return name and version."""
        import sklearn

        return f"scikit-learn {sklearn.__version__}"

    def fit(self, features: FloatArray, label: FloatArray, weight: FloatArray, *, seed: int) -> Trees:
        """Return trees fitted to 0/1 labels. One thread: the sums of several would depend on their number."""
        # Most of a second that only a training needs.
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits

        model = HistGradientBoostingClassifier(
            max_depth=DEPTH,
            max_iter=ROUNDS,
            learning_rate=LEARNING_RATE,
            min_samples_leaf=LEAST_IN_LEAF,
            l2_regularization=PULL,
            early_stopping=False,
            random_state=seed,
        )
        # A column without any value, which the library cannot bin, is as good as one that is always the same.
        known = np.where(np.isnan(features).all(axis=0), 0.0, features)
        with threadpool_limits(limits=1):
            model.fit(known, label, sample_weight=weight)
        return trees_of(model)


def trees_of(model: object) -> Trees:
    """Return the trees of a fitted two-class `HistGradientBoostingClassifier`."""
    nodes = [step[0].nodes for step in model._predictors]  # type: ignore[attr-defined]
    sizes = [len(tree) for tree in nodes]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    flat, start = np.concatenate(nodes), np.repeat(roots, sizes)
    own = np.arange(len(flat))
    is_leaf = flat["is_leaf"].astype(bool)
    return Trees(
        roots=roots.astype(np.int32),
        feature=np.where(is_leaf, 0, flat["feature_idx"]).astype(np.int32),
        threshold=np.where(is_leaf, 0.0, flat["num_threshold"]),
        left=np.where(is_leaf, own, start + flat["left"]).astype(np.int32),
        right=np.where(is_leaf, own, start + flat["right"]).astype(np.int32),
        missing_left=flat["missing_go_to_left"].astype(bool),
        value=np.where(is_leaf, flat["value"], 0.0),
        baseline=float(np.ravel(model._baseline_prediction)[0]),  # type: ignore[attr-defined]
        depth=int(flat["depth"].max()),
    )
