"""A model is benched when the market left what it was trained on, and not before it can be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from trading.adapters.sklearn_trees import SklearnTrees
from trading.analysis.chances import FEATURES
from trading.research.classifier import fit_model, importance
from trading.research.drift import drift_of, psi, reference_of

from tests.unit.research.test_classifier import LEARNABLE

SEEN = LEARNABLE.known_by(date(2020, 12, 31))
AFTER = LEARNABLE.between(date(2021, 1, 4), date(2021, 12, 31))


@pytest.fixture(scope="module")
def trained():
    model = fit_model(SEEN, SklearnTrees())
    return model, reference_of(model, SEEN, importance(model, SEEN))


def test_the_same_market_is_no_drift(trained):
    drift = drift_of(*trained, AFTER)
    assert drift.faults == ()
    assert drift.brier < drift.base_brier
    assert max(drift.psi.values()) < 0.1


def test_a_moved_feature_that_matters_benches(trained):
    features = AFTER.features.copy()
    features[:, 0] += 3.0
    drift = drift_of(*trained, replace(AFTER, features=features))
    assert drift.psi[next(iter(FEATURES))] > 0.25
    assert any("PSI" in fault for fault in drift.faults)


def test_a_moved_feature_that_does_not_matter_benches_nothing(trained):
    features = AFTER.features.copy()
    features[:, 7] += 30.0
    drift = drift_of(*trained, replace(AFTER, features=features))
    assert drift.psi[tuple(FEATURES)[7]] > 0.25
    assert drift.faults == ()


def test_chances_that_stop_coming_true_bench(trained):
    drift = drift_of(*trained, replace(AFTER, gain_frac=-AFTER.gain_frac))
    assert any("Brier" in fault for fault in drift.faults)


def test_chances_that_all_rise_bench(trained):
    model, reference = trained
    drift = drift_of(replace(model, intercept=model.intercept + 1.5), reference, AFTER)
    assert any("mean chance" in fault for fault in drift.faults)


def test_a_new_model_is_left_alone(trained):
    assert drift_of(*trained, AFTER.between(date(2021, 1, 4), date(2021, 1, 20))) is None
    short = drift_of(*trained, AFTER.between(date(2021, 1, 4), date(2021, 3, 1)))
    assert short.brier is None


def test_psi_counts_what_is_unknown_too():
    bins = {"edges": [0.0], "parts": [0.0, 0.5, 0.5]}
    assert psi(np.array([-1.0, 1.0]), bins) == pytest.approx(0.0, abs=1e-3)
    assert psi(np.array([np.nan, np.nan, -1.0, 1.0]), bins) > 0.25
