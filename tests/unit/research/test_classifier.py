"""A model is what scikit-learn fitted, to the last digit; it learns what is there, never what was not known yet."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.sklearn_trees import SklearnTrees, trees_of
from trading.analysis.chances import FEATURES, chances, log_odds
from trading.domain.models import LabelSpec
from trading.errors import ConfigurationError
from trading.research.classifier import calibration, fit_model, importance, quality_of
from trading.research.model_forward import ModelPlan, walk_model
from trading.research.samples import Samples

SESSIONS = NyseCalendar().sessions(date(2018, 1, 2), date(2021, 12, 31))
LABEL = LabelSpec(20, 0.12, 0.25)


def invented(*, signal: float, seed: int = 1, names=tuple(FEATURES)) -> Samples:
    """Return samples of four symbols; `signal` is how much the first feature says about the label."""
    draw = np.random.default_rng(seed)
    days = np.array([s.session_on for s in SESSIONS], dtype="datetime64[D]")
    count = len(days)
    session = np.repeat(np.arange(count), 4)
    features = draw.normal(0, 1, (len(session), len(names)))
    features[draw.random(features.shape) < 0.1] = np.nan
    odds = signal * np.nan_to_num(features[:, 0])
    gained = draw.random(len(session)) < 1 / (1 + np.exp(-odds))
    ends = np.minimum(session + LABEL.horizon_sessions, count - 1)
    open_still = session + LABEL.horizon_sessions >= count
    return Samples(
        symbols=("AAA", "BBB", "CCC", "DDD"),
        names=names,
        session_on=days[session],
        known_on=np.where(open_still, np.datetime64("NaT", "D"), days[ends]),
        symbol=np.tile(np.arange(4), count),
        features=features,
        gain_frac=np.where(open_still, np.nan, np.where(gained, 0.1, -0.1)),
        weight=draw.uniform(0.05, 1.0, len(session)),
    )


LEARNABLE = invented(signal=1.5)
KNOWN = LEARNABLE.known_by(date(2021, 6, 30))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("depth", [1, 3])
def test_the_arrays_say_what_scikit_learn_says(seed, depth):
    draw = np.random.default_rng(seed)
    features = draw.normal(0, 1, (4_000, 6))
    features[draw.random(features.shape) < 0.2] = np.nan
    label = (np.nan_to_num(features[:, 0]) * np.nan_to_num(features[:, 3]) + draw.normal(0, 1, 4_000) > 0).astype(float)
    fitted = HistGradientBoostingClassifier(max_depth=depth, max_iter=40, early_stopping=False, random_state=seed)
    fitted.fit(features[:3_000], label[:3_000])
    asked = np.concatenate([features[3_000:], np.full((1, 6), np.nan), np.full((1, 6), 1e300)])
    ours = 1 / (1 + np.exp(-log_odds(trees_of(fitted), asked)))
    assert np.abs(ours - fitted.predict_proba(asked)[:, 1]).max() < 1e-12


def test_one_row_says_the_same_as_many():
    model = fit_model(KNOWN, SklearnTrees())
    together = chances(model, LEARNABLE.features[:200])
    alone = [chances(model, LEARNABLE.features[row : row + 1])[0] for row in range(200)]
    assert together.tolist() == alone


def test_the_same_samples_make_the_same_model_on_any_number_of_threads():
    models = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            models.append(fit_model(KNOWN, SklearnTrees()))
    for name in ("feature", "threshold", "left", "right", "value"):
        assert getattr(models[0].trees, name).tolist() == getattr(models[1].trees, name).tolist(), name
    assert models[0].slope == models[1].slope


def test_what_is_there_is_learned_and_its_feature_named():
    model = fit_model(KNOWN, SklearnTrees())
    later = LEARNABLE.between(date(2021, 7, 1), date(2021, 11, 1))
    quality = quality_of(chances(model, later.features), later.label, later.weight, np.full(len(later), 0.5))
    assert quality.knows_something
    assert quality.auc > 0.6
    assert quality.reliability[0][1] < quality.reliability[-1][1] - 0.2
    lost = importance(model, later)
    assert max(lost, key=lost.get) == next(iter(FEATURES))


def test_noise_beats_no_base_rate():
    noise = invented(signal=0.0)
    found = walk_model(
        noise, [s for s in SESSIONS if s.session_on < date(2020, 1, 1)],
        [s for s in SESSIONS if s.session_on >= date(2020, 1, 1)], ModelPlan(LABEL), SklearnTrees(),
    )  # fmt: skip
    assert found.quality is None or found.quality.brier > found.quality.base_brier - 0.001


def test_a_column_that_was_never_known_is_no_error():
    features = KNOWN.features.copy()
    features[:, 5] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fit_model(replace(KNOWN, features=features), SklearnTrees()) is not None


def test_calibrated_chances_are_what_came_of_them():
    draw = np.random.default_rng(3)
    said = draw.normal(0, 2, 20_000)
    label = (draw.random(20_000) < 1 / (1 + np.exp(-(0.3 + 0.5 * said)))).astype(float)
    slope, intercept = calibration(said, label, np.ones(20_000))
    assert (slope, intercept) == (pytest.approx(0.5, abs=0.05), pytest.approx(0.3, abs=0.05))


def test_trees_that_say_the_opposite_of_what_came_are_no_model():
    assert calibration(np.array([-1.0, 1.0] * 50), np.array([1.0, 0.0] * 50), np.ones(100))[0] == 0.0
    turned = KNOWN.session_on >= np.unique(KNOWN.session_on)[600]
    gain = np.where(turned, -KNOWN.gain_frac, KNOWN.gain_frac)
    assert fit_model(replace(KNOWN, gain_frac=gain), SklearnTrees()) is None


def test_too_few_samples_teach_nothing():
    assert fit_model(KNOWN.take(np.arange(len(KNOWN)) < 300), SklearnTrees()) is None


def test_a_training_sees_no_label_that_was_not_known_by_its_last_session():
    on = date(2020, 6, 30)
    seen = LEARNABLE.known_by(on)
    assert seen.known_on.max() <= np.datetime64(on)
    # What is not known yet belongs to sessions a horizon earlier already.
    assert seen.session_on.max() <= np.datetime64(on - timedelta(days=27))


def test_labels_and_features_after_the_training_change_nothing_before_a_window():
    before = [s for s in SESSIONS if s.session_on < date(2020, 7, 1)]
    tested = [s for s in SESSIONS if s.session_on >= date(2020, 7, 1)]
    whole = walk_model(LEARNABLE, before, tested, ModelPlan(LABEL), SklearnTrees())
    first = whole.windows[1]
    late = LEARNABLE.known_on > np.datetime64(first.train_last_on)
    late |= np.isnat(LEARNABLE.known_on)
    poisoned = replace(
        LEARNABLE,
        gain_frac=np.where(late, -LEARNABLE.gain_frac, LEARNABLE.gain_frac),
        features=np.where(
            (LEARNABLE.session_on > np.datetime64(first.train_last_on))[:, None], 99.0, LEARNABLE.features
        ),
    )
    again = walk_model(poisoned, before, tested, ModelPlan(LABEL), SklearnTrees())
    for one, other in zip(whole.windows[:2], again.windows[:2], strict=True):
        assert one.model.trees.value.tolist() == other.model.trees.value.tolist()
        assert (one.model.slope, one.model.intercept) == (other.model.slope, other.model.intercept)


def test_an_embargo_as_long_as_the_horizon_lies_between_training_and_test():
    before = [s for s in SESSIONS if s.session_on < date(2020, 7, 1)]
    tested = [s for s in SESSIONS if s.session_on >= date(2020, 7, 1)]
    found = walk_model(LEARNABLE, before, tested, ModelPlan(LABEL, embargo_sessions=25), SklearnTrees())
    days = [s.session_on for s in SESSIONS]
    for window in found.windows:
        assert days.index(window.first.session_on) - days.index(window.train_last_on) == 26
    starts = [w.first for w in found.windows]
    assert starts[0] == tested[0]
    assert [days.index(w.last.session_on) + 1 for w in found.windows[:-1]] == [
        days.index(s.session_on) for s in starts[1:]
    ]
    assert found.windows[-1].last == tested[-1]
    eras = found.eras
    assert all(era.usable_from < era.from_at for era in eras)


def test_an_embargo_under_the_horizon_is_refused():
    with pytest.raises(ConfigurationError, match="at least as long"):
        ModelPlan(LABEL, embargo_sessions=19)
