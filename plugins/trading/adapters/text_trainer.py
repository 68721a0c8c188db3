"""Training a scorer of texts with scikit-learn: TF-IDF terms and lexicon features, a logistic regression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.scoring import LABELS, features_of
from trading.analysis.stories import title_key
from trading.analysis.text_model import terms_of
from trading.domain.lexicon import LEXICON
from trading.domain.sentiment import TextModel
from trading.errors import PermanentError

FOLDS, SEED = 5, 7
LEAST_TEXTS = 300
"""Fewer train nothing; and each label needs as many as there are folds."""
STRENGTH = 2.0
"""Weight of the lexicon features beside the terms, whose vector has length 1."""


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """What came of scoring each text by a model that saw neither it nor its like.

    Attributes:
        macro_f1: mean of the three F1 [0–1]. by_label: precision, recall, F1 and texts of each of LABELS.
        confusion: texts by label (rows) and what was said (columns), in the order of LABELS.
        by_dataset: macro-F1 and texts of each set.
    """

    macro_f1: float
    by_label: tuple[tuple[float, float, float, int], ...]
    confusion: tuple[tuple[int, ...], ...]
    by_dataset: dict[str, tuple[float, int]]


def cross_validate(
    texts: Sequence[str], labels: Sequence[str], datasets: Sequence[str], tell: Callable[[int], None]
) -> CrossValidation:
    """Return how well a model does on texts that it has not seen; tellings of one text are never on both sides.

    Raises:
        PermanentError: there are too few texts, or too few of a label.
    """
    from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support
    from sklearn.model_selection import StratifiedGroupKFold

    _check(labels)
    groups, said = [title_key(text) for text in texts], np.empty(len(texts), dtype=object)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    known = np.array(labels)
    for number, (train, test) in enumerate(folds.split(texts, labels, groups)):
        tell(number)
        vectors, classifier = _fitted([texts[n] for n in train], known[train])
        said[test] = classifier.predict(_table(vectors, [texts[n] for n in test]))
    told = said.astype(str)
    each = zip(*precision_recall_fscore_support(known, told, labels=LABELS, zero_division=0.0), strict=True)
    names = np.array(datasets)
    return CrossValidation(
        float(f1_score(known, told, average="macro")),
        tuple((float(p), float(r), float(f), int(n)) for p, r, f, n in each),
        tuple(tuple(map(int, row)) for row in confusion_matrix(known, told, labels=LABELS)),
        {
            name: (
                float(f1_score(known[names == name], told[names == name], average="macro")),
                int((names == name).sum()),
            )
            for name in sorted(set(datasets))
        },
    )


def train(texts: Sequence[str], labels: Sequence[str]) -> TextModel:
    """Return a model of all texts; its `sha256` is empty until it is stored."""
    _check(labels)
    vectors, classifier = _fitted(texts, np.array(labels))
    assert tuple(classifier.classes_) == LABELS, "the labels changed their order; the weights would be of others"
    weights: NDArray[np.float64] = classifier.coef_.T
    terms = sorted(vectors.vocabulary_.items(), key=lambda item: item[1])
    return TextModel(
        sha256="",
        lexicon=LEXICON,
        terms={term: (round(float(vectors.idf_[n]), 6), *_three(weights[n])) for term, n in terms},
        features=tuple(_three(STRENGTH * row) for row in weights[len(terms) :]),
        intercepts=_three(classifier.intercept_),
    )


def _three(weights: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return weights on 6 decimals: more of them say nothing and make the file twice as long."""
    return round(float(weights[0]), 6), round(float(weights[1]), 6), round(float(weights[2]), 6)


def _check(labels: Sequence[str]) -> None:
    fewest = min(labels.count(label) for label in LABELS) if labels else 0
    if len(labels) < LEAST_TEXTS or fewest < FOLDS:
        raise PermanentError(
            f"{len(labels)} labelled texts, {fewest} of the rarest label; give at least {LEAST_TEXTS}, and {FOLDS} "
            f"of each of {', '.join(LABELS)}"
        )


def _fitted(texts: Sequence[str], labels: NDArray[np.str_]) -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectors = TfidfVectorizer(analyzer=terms_of, min_df=2, sublinear_tf=True).fit(texts)
    classifier = LogisticRegression(C=1.0, tol=1e-3, max_iter=2_000, class_weight="balanced")
    return vectors, classifier.fit(_table(vectors, texts), labels)


def _table(vectors: Any, texts: Sequence[str]) -> Any:
    """Return a sparse matrix of terms and features, one row a text."""
    from scipy.sparse import csr_matrix, hstack  # type: ignore[import-untyped]

    features = STRENGTH * np.array([features_of(text) for text in texts])
    return hstack([vectors.transform(texts), csr_matrix(features)]).tocsr()
