"""The score of one text: VADER as it comes, or VADER with the finance lexicon and what moved."""

from __future__ import annotations

import functools
from typing import Any

from trading.analysis.movements import MARKS, marked
from trading.analysis.stories import TITLE_CHARACTERS
from trading.analysis.text_model import chances, lexicon_features
from trading.domain.lexicon import WORDS
from trading.domain.sentiment import Sentiment, TextModel

AS_USUAL = Sentiment()
LABELS = ("negative", "neutral", "positive")
LABEL_AT = 0.1
"""From this compound on a text counts as positive, and from its negative on as negative; between them as neutral.

Chosen for macro-F1 on labelled headlines; 0.05 to 0.3 do about as well, on either half of them.
"""


def label_of(compound_score: float) -> str:
    """Return "positive", "negative" or "neutral" for a compound score [−1–1]."""
    if abs(compound_score) < LABEL_AT:
        return "neutral"
    return "positive" if compound_score > 0 else "negative"


def compound(text: str, sentiment: Sentiment = AS_USUAL) -> float:
    """Return the compound score of the first 2,000 characters [−1–1]; repeats cost nothing.

    VADER's time is quadratic in the number of "but": 100 kB took 37 s.
    """
    return _cached(text[:TITLE_CHARACTERS], sentiment.model or sentiment.scorer)


def features_of(text: str) -> tuple[float, ...]:
    """Return what a trained scorer is told about a text besides its words."""
    return lexicon_features(text, compound(text), label_at=LABEL_AT)


@functools.lru_cache(maxsize=65_536)
def _cached(text: str, scorer: TextModel | str) -> float:
    if not text.strip():
        return 0.0
    if isinstance(scorer, TextModel):
        negative, _, positive = chances(scorer, text, features_of(text))
        return positive - negative
    if scorer == "vader":
        return float(_vader().polarity_scores(text)["compound"])
    return float(_with_lexicon().polarity_scores(marked(text))["compound"])


@functools.lru_cache(maxsize=1)
def _vader() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


@functools.lru_cache(maxsize=1)
def _with_lexicon() -> Any:
    from copy import copy

    analyzer = copy(_vader())
    analyzer.lexicon = {**analyzer.lexicon, **WORDS, **MARKS}
    return analyzer
