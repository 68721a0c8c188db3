"""Sentiment of headlines as evidence: what recent stories add up to.

Each story's raw VADER valence sum s is recovered from its compound, s = c·√(15 ÷ (1 − c²)); weights halve with age;
S = Σ w·s, divided by √(n ÷ 3) once the effective number of stories n = Σ w exceeds 3; score = S ÷ √(S² + 15).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.facts import DecisionTimes, utc64
from trading.analysis.stories import TITLE_CHARACTERS, ordered, repeats, replaced_at
from trading.domain.instruments import Symbol
from trading.domain.market import NewsItem
from trading.domain.panel import FloatArray, TimeArray, Why
from trading.domain.signals import canonical

HALF_LIFE_HOURS = 24.0
WINDOW_HOURS = 72
EVENT_HOURS = 24
MIN_STORIES = 3
BAD_STORY = -0.5
_ALPHA = 15.0
_HOUR = np.timedelta64(3_600_000_000, "us")


type IndexArray = NDArray[np.intp]


def compound(text: str) -> float:
    """Return VADER's compound score of the first 2,000 characters [−1–1]; repeats cost nothing.

    VADER's time is quadratic in the number of "but": 100 kB took 37 s.
    """
    return _cached_compound(text[:TITLE_CHARACTERS])


@functools.lru_cache(maxsize=65_536)
def _cached_compound(text: str) -> float:
    return float(_analyzer().polarity_scores(text)["compound"]) if text.strip() else 0.0


@functools.lru_cache(maxsize=1)
def _analyzer() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


def valence_sum(compound_score: float) -> float:
    """Return the raw valence sum that VADER squashed into `compound_score`."""
    c = min(max(compound_score, -0.9999), 0.9999)
    return float(c * np.sqrt(_ALPHA / (1.0 - c * c)))


def evidence_score(valence: FloatArray, age_hours: FloatArray) -> float:
    """Return the evidence score [−1–1] of stories with these valence sums and ages."""
    weights = 0.5 ** (age_hours / HALF_LIFE_HOURS)
    total, count = float(weights @ valence), float(weights.sum())
    if count > MIN_STORIES:
        total /= np.sqrt(count / MIN_STORIES)
    return float(total / np.sqrt(total * total + _ALPHA))


def sentiment_columns(
    news: Sequence[NewsItem], symbols: Sequence[Symbol], times: DecisionTimes
) -> dict[str, NDArray[Any]]:
    """Return the panel columns of sentiment, each of shape (times, symbols).

    Args:
        news: stories known by the last cutoff, any order.
    """
    told = ordered(news)
    shape = (len(times), len(symbols))
    score, count, bad = np.full(shape, np.nan), np.zeros(shape), np.zeros(shape)
    through = np.full(shape, np.datetime64("NaT"), dtype="datetime64[us]")
    for column, symbol in enumerate(symbols):
        stories = _Stories.of([item for item in told if symbol in item.symbols])
        for row, at in enumerate(times.cutoff_at):
            score[row, column], count[row, column], bad[row, column], through[row, column] = stories.judge(at)
    return {
        "sentiment": canonical(score),
        "story_count": count,
        "negative_source_count": bad,
        "news_through": through,
        "why_sentiment": np.where(count < MIN_STORIES, np.int8(Why.TOO_FEW_STORIES), np.int8(Why.KNOWN)).astype(
            np.int8
        ),
    }


class _Stories:
    """The stories of one symbol as arrays, ascending by `known_at`.

    `before` names the story before that has the same headline (−1 for none): in a window, the first of them counts.
    `until` is the instant from which a later version of the headline stands in its place (NaT for never).
    """

    def __init__(
        self,
        known_at: TimeArray,
        valence: FloatArray,
        compounds: FloatArray,
        before: IndexArray,
        until: TimeArray,
        sources: list[str],
    ) -> None:
        self._known_at, self._valence, self._compounds = known_at, valence, compounds
        self._before, self._until, self._sources = before, until, sources

    @classmethod
    def of(cls, items: Sequence[NewsItem]) -> _Stories:
        compounds = np.array([compound(item.title) for item in items], dtype=np.float64)
        until = [np.datetime64("NaT") if at is None else utc64(at) for at in replaced_at(items)]
        return cls(
            np.array([utc64(item.known_at) for item in items], dtype="datetime64[us]"),
            np.array([valence_sum(c) for c in compounds], dtype=np.float64),
            compounds,
            np.array(repeats(items), dtype=np.intp),
            np.array(until, dtype="datetime64[us]"),
            [item.source for item in items],
        )

    def judge(self, at: np.datetime64) -> tuple[float, int, int, np.datetime64]:
        """Return (score, stories in the window, sources with a bad story today, newest story) at a cutoff."""
        end = int(np.searchsorted(self._known_at, at, side="right"))
        start = int(np.searchsorted(self._known_at, at - WINDOW_HOURS * _HOUR, side="right"))
        if end == 0:
            return np.nan, 0, 0, np.datetime64("NaT")
        newest = self._known_at[end - 1]
        stands = ~(self._until[:end] <= at)
        is_first = (self._before[start:end] < start) & stands[start:]
        count = int(is_first.sum())
        day = int(np.searchsorted(self._known_at, at - EVENT_HOURS * _HOUR, side="right"))
        bad = len({self._sources[i] for i in range(day, end) if stands[i] and self._compounds[i] <= BAD_STORY})
        if count < MIN_STORIES:
            return np.nan, count, bad, newest
        ages = (at - self._known_at[start:end][is_first]) / _HOUR
        return evidence_score(self._valence[start:end][is_first], ages), count, bad, newest
