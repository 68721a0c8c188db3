"""A trained scorer: it learns, it is judged on what it has not seen, and its file is what its hash says."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trading.adapters import text_trainer
from trading.adapters.labelled_texts import read_labelled
from trading.adapters.text_models import load_text_model, store_text_model
from trading.adapters.text_trainer import cross_validate, train
from trading.analysis.scoring import LABELS, compound, features_of
from trading.analysis.text_model import chances
from trading.bootstrap import strategy_of
from trading.domain.lexicon import LEXICON
from trading.domain.sentiment import Sentiment
from trading.entrypoints.cli import main
from trading.errors import PermanentError
from trading.settings import load_settings
from trading.strategy.three_sector import three_sector

WORDS = {"positive": ("zump", "florrin"), "negative": ("krast", "dwimm"), "neutral": ("palb", "sorrum")}
"""Invented words, which no lexicon knows: only training can tell them apart."""


def invented(count: int = 330):
    draw = random.Random(5)
    labels = [LABELS[n % 3] for n in range(count)]
    texts = [f"{draw.choice(WORDS[label])} item{draw.randrange(60)} item{draw.randrange(60)}" for label in labels]
    return texts, labels


@pytest.fixture(scope="module")
def model():
    return train(*invented())


def test_a_trained_scorer_tells_apart_what_only_training_can(model):
    said = {name: compound(f"{words[0]} item3", Sentiment(model=model)) for name, words in WORDS.items()}
    assert said["positive"] > 0.3 > abs(said["neutral"])
    assert said["negative"] < -0.3
    assert compound("zump item3") == 0.0


def test_the_numbers_score_as_the_library_that_trained_them(model):
    texts, labels = invented()
    vectors, classifier = text_trainer._fitted(texts, np.array(labels))
    expected = classifier.predict_proba(text_trainer._table(vectors, texts))
    found = [chances(model, text, features_of(text)) for text in texts]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_text_it_has_seen_is_never_judged():
    """Where labels are drawn by lot a model can be right only by remembering: tellings of one text stay together."""
    draw = random.Random(3)
    said = [f"headline number {n} of {draw.randrange(9)}" for n in range(150)]
    labels = [draw.choice(LABELS) for _ in said]
    found = cross_validate([*said, *(t.upper() for t in said), *said], labels * 3, ["a"] * 450, lambda number: None)
    assert found.macro_f1 < 0.5
    assert sum(count for *_, count in found.by_label) == 450
    assert sum(map(sum, found.confusion)) == 450


def test_it_is_judged_by_set_and_by_label():
    texts, labels = invented()
    found = cross_validate(texts, labels, ["one", "two"] * 165, lambda number: None)
    assert found.macro_f1 > 0.95
    assert {name: count for name, (_, count) in found.by_dataset.items()} == {"one": 165, "two": 165}


def test_too_few_texts_train_nothing():
    with pytest.raises(PermanentError, match="give at least 300"):
        train(["a"] * 10, ["positive"] * 10)


def test_a_stored_model_comes_back_and_its_hash_is_part_of_the_strategy(tmp_path, model):
    path, sha256 = store_text_model(tmp_path, model, {"texts": 330})
    back = load_text_model(tmp_path, sha256)
    assert (back.terms, back.features, back.intercepts) == (model.terms, model.features, model.intercepts)
    assert path.name == f"{sha256}.json"
    spec = three_sector()
    trained = replace(spec, sentiment=Sentiment(model=back))
    assert trained.spec_hash != spec.spec_hash
    assert trained.sentiment.scored_by == f"model {sha256[:12]}"


def test_the_desk_uses_the_model_that_its_settings_name_and_no_other(tmp_path, model):
    _, sha256 = store_text_model(tmp_path / "text_models", model, {})
    env = {"AIRDESK_DATABASE_URL": "postgresql://x/y", "AIRDESK_STATE_DIR": str(tmp_path)}
    assert strategy_of(load_settings(env)).spec_hash == three_sector().spec_hash
    named = strategy_of(load_settings(env | {"AIRDESK_TEXT_MODEL": sha256}), "technical_core")
    assert (named.name, named.sentiment.scored_by) == ("technical_core", f"model {sha256[:12]}")
    with pytest.raises(PermanentError, match="unset AIRDESK_TEXT_MODEL"):
        strategy_of(load_settings(env | {"AIRDESK_TEXT_MODEL": "0" * 64}))


def test_a_file_that_was_changed_is_refused(tmp_path, model):
    path, sha256 = store_text_model(tmp_path, model, {})
    path.write_bytes(path.read_bytes().replace(b"zump", b"zumq"))
    with pytest.raises(PermanentError, match="was changed"):
        load_text_model(tmp_path, sha256)
    with pytest.raises(PermanentError, match="no text model"):
        load_text_model(tmp_path, "0" * 64)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "another"}, "is no airdesk text model"),
        ({"lexicon": "2020.1+0"}, f"this code holds {LEXICON.replace('+', '.')}"),
        ({"intercepts": [0.0, float("nan"), 0.0]}, "no number"),
        ({"features": []}, "lacks weights"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, model, change, says):
    path, _ = store_text_model(tmp_path, model, {})
    data = json.dumps(json.loads(path.read_text()) | change).encode()
    sha256 = hashlib.sha256(data).hexdigest()
    (tmp_path / f"{sha256}.json").write_bytes(data)
    with pytest.raises(PermanentError, match=says):
        load_text_model(tmp_path, sha256)


def labelled(folder: Path) -> Path:
    path = folder / "mine.csv"
    rows = (f'"{text}",{label}' for text, label in zip(*invented(), strict=True))
    path.write_text("\n".join(["text,label", *rows]))
    return path


def test_the_command_prints_what_it_found_and_stores_the_model(tmp_path, capsys):
    path = labelled(tmp_path)
    assert main(["model", "train-sentiment", "--data", str(path), "--out", str(tmp_path / "models")]) == 0
    printed = capsys.readouterr().out
    sha256 = printed.rsplit("AIRDESK_TEXT_MODEL=", 1)[1].strip()
    assert "macro-F1" in printed
    assert load_text_model(tmp_path / "models", sha256).sha256 == sha256


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("title,label\nx,positive\n", "columns text and label"),
        ("text,label\nx,great\n", "'great' is none of negative, neutral, positive"),
        ("", "no rows"),
    ],
)
def test_a_file_that_is_not_understood_says_what_to_do(tmp_path, content, says):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(PermanentError, match=says):
        read_labelled(path)
    with pytest.raises(PermanentError, match="cannot be read"):
        read_labelled(tmp_path / "absent.csv")
