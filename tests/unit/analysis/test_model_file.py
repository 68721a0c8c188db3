"""A model's file says the same as the model, and one that is not sound is not heard: with the reason."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from trading.adapters.sklearn_trees import SklearnTrees
from trading.analysis.chances import FEATURES, chances, feature_matrix, scored
from trading.analysis.model_file import read, written
from trading.domain.models import ChanceModel, ModelEra
from trading.domain.panel import Why, panel_of
from trading.research.classifier import fit_model

from tests.unit.research.test_classifier import KNOWN, LEARNABLE


@pytest.fixture(scope="module")
def model() -> ChanceModel:
    return fit_model(KNOWN, SklearnTrees(), model_id="m-1")


@pytest.fixture(scope="module")
def told(model) -> dict:
    return json.loads(written(model, KNOWN.features))


def test_a_file_read_back_says_the_same(model):
    again = read(written(model, KNOWN.features))
    assert isinstance(again, ChanceModel)
    assert again.model_id == "m-1"
    assert chances(again, LEARNABLE.features).tolist() == chances(model, LEARNABLE.features).tolist()


def changed(told: dict, **values) -> str:
    return json.dumps({**told, **values})


def broken_trees(told: dict, **values) -> str:
    return changed(told, trees={**told["trees"], **values})


def test_what_is_no_model_file_is_unreadable(told):
    count = len(told["trees"]["feature"])
    for text in (
        "", "[]", "{}", "not json", "\x80\x04pickle", json.dumps(None),
        changed(told, format="airdesk-trees-2"),
        changed(told, probe=[], probe_chances=[]),
        changed(told, slope="nan"),
        changed(told, probe=[row[:-1] for row in told["probe"]]),
        broken_trees(told, left=[0] * count),
        broken_trees(told, right=[count] * count),
        broken_trees(told, feature=[len(FEATURES)] * count),
        broken_trees(told, value=told["trees"]["value"][:-1]),
        broken_trees(told, roots=[-1]),
        broken_trees(told, depth=10**9),
        broken_trees(told, threshold=["nan"] * count),
    ):  # fmt: skip
        assert read(text) is Why.MODEL_UNREADABLE, text[:60]


def test_other_features_or_another_order_are_refused(told):
    assert read(changed(told, features=told["features"][::-1])) is Why.MODEL_OTHER_INPUTS
    renamed = ["something_else", *told["features"][1:]]
    assert read(changed(told, features=renamed)) is Why.MODEL_OTHER_INPUTS


def test_another_answer_to_the_probe_is_refused(told):
    other = [told["probe_chances"][0] + 1e-6, *told["probe_chances"][1:]]
    assert read(changed(told, probe_chances=other)) is Why.MODEL_FAILS
    assert read(changed(told, slope=told["slope"] * 1.01)) is Why.MODEL_FAILS


def a_panel(hours: int = 6):
    times = np.datetime64("2024-01-02T15:30", "us") + np.arange(hours) * np.timedelta64(1, "h")
    draw = np.random.default_rng(1)
    ones = draw.uniform(90, 110, (hours, 2))
    return panel_of(times, ("AAA", "BBB"), price=ones, sma_50=ones * 0.98, sma_200=ones * 0.9, rsi_14=ones / 2)


def at(hour: int) -> datetime:
    return datetime(2024, 1, 2, 15, 30, tzinfo=UTC) + timedelta(hours=hour)


def test_each_hour_hears_the_model_of_its_era(model):
    panel = a_panel()
    other = replace(model, model_id="m-2", intercept=model.intercept + 1.0)
    eras = (
        ModelEra(at(1), at(0), model, Why.KNOWN),
        ModelEra(at(3), at(3), None, Why.MODEL_BENCHED),
        ModelEra(at(4), at(4), other, Why.KNOWN),
    )
    said = scored(panel, eras)
    expected = [chances(m, feature_matrix(panel)).reshape(6, 2) for m in (model, other)]
    assert (said.why_model[0] == Why.NO_MODEL).all()
    assert said.model_probability[1:3].tolist() == expected[0][1:3].tolist()
    assert (said.why_model[3] == Why.MODEL_BENCHED).all()
    # Its training saw the close of the very hour at which it was promoted.
    assert (said.why_model[4] == Why.MODEL_TOO_NEW).all()
    assert said.model_probability[5].tolist() == expected[1][5].tolist()
    assert said.model_at[1, 0] == np.datetime64("2024-01-02T15:30", "us")
    assert np.isnan(said.model_probability[[0, 3, 4]]).all()


def test_one_hour_is_told_as_ten_years_are(model):
    panel = a_panel()
    eras = (ModelEra(at(-1), at(-1), model, Why.KNOWN),)
    whole = scored(panel, eras)
    for row in range(len(panel)):
        alone = scored(panel.at(row), eras)
        assert alone.model_probability[0].tolist() == whole.model_probability[row].tolist()


def test_a_symbol_without_technicals_gets_no_chance(model):
    why = np.full((6, 2), np.int8(Why.KNOWN))
    why[:, 1] = Why.TOO_FEW_BARS
    panel = replace(a_panel(), why_technicals=why)
    said = scored(panel, (ModelEra(at(-1), at(-1), model, Why.KNOWN),))
    assert (said.why_model == why).all()
    assert np.isnan(said.model_probability[:, 1]).all()


def test_an_answer_that_is_no_chance_is_no_answer(model):
    # Such a model never passes the probe; the panel is guarded all the same.
    wild = replace(model, intercept=float("nan"))
    said = scored(a_panel(), (ModelEra(at(-1), at(-1), wild, Why.KNOWN),))
    assert (said.why_model == Why.MODEL_FAILS).all()


def test_scaling_every_price_changes_no_feature():
    panel = a_panel()
    scaled = {name: getattr(panel, name) * 8.0 for name in ("price", "sma_50", "sma_200")}
    assert feature_matrix(replace(panel, **scaled)) == pytest.approx(feature_matrix(panel), nan_ok=True)
