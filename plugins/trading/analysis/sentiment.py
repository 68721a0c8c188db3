"""Sentiment of headlines as evidence: what recent stories add up to.

Each story's raw VADER valence sum s is recovered from its compound, s = c·√(15 ÷ (1 − c²)); weights halve with age;
S = Σ w·s, divided by √(n ÷ 3) once the effective number of stories n = Σ w exceeds 3; score = S ÷ √(S² + 15).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.facts import DecisionTimes, last_known, pick_time, utc64, utc64_all
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


def valence_sums(compound_scores: FloatArray) -> FloatArray:
    """Return the raw valence sums that VADER squashed into `compound_scores`."""
    c = np.clip(compound_scores, -0.9999, 0.9999)
    return np.asarray(c * np.sqrt(_ALPHA / (1.0 - c * c)))


def _weights(age_hours: FloatArray) -> FloatArray:
    return np.asarray(np.exp2(-age_hours / HALF_LIFE_HOURS))


def evidence_score(total: FloatArray, effective: FloatArray) -> FloatArray:
    """Return evidence scores [−1–1] of weighted valence sums and effective numbers of stories."""
    evidence = np.where(effective > MIN_STORIES, total / np.sqrt(np.maximum(effective, 1e-9) / MIN_STORIES), total)
    return np.asarray(evidence / np.sqrt(evidence * evidence + _ALPHA))


def sentiment_columns(
    news: Sequence[NewsItem], symbols: Sequence[Symbol], times: DecisionTimes
) -> dict[str, NDArray[Any]]:
    """Return the panel columns of sentiment, each of shape (times, symbols).

    Args:
        news: stories known by the last cutoff, any order.
    """
    told = _by_symbol(ordered(news), symbols)
    shape = (len(symbols), len(times))
    score, count, bad = np.full(shape, np.nan), np.zeros(shape), np.zeros(shape)
    through = np.full(shape, np.datetime64("NaT"), dtype="datetime64[us]")
    for column, symbol in enumerate(symbols):
        if told[symbol]:
            stories = _Stories.of(told[symbol])
            score[column], count[column] = stories.scores(times.cutoff_at)
            bad[column] = stories.bad_sources(times.cutoff_at)
            through[column] = stories.newest(times.cutoff_at)
    return {
        "sentiment": canonical(score).T,
        "story_count": count.T,
        "negative_source_count": bad.T,
        "news_through": through.T,
        "why_sentiment": np.where(count < MIN_STORIES, np.int8(Why.TOO_FEW_STORIES), np.int8(Why.KNOWN)).T,
    }


def _by_symbol(news: Iterable[NewsItem], symbols: Sequence[Symbol]) -> dict[Symbol, list[NewsItem]]:
    told: dict[Symbol, list[NewsItem]] = {symbol: [] for symbol in symbols}
    for item in news:
        for symbol in item.symbols:
            if symbol in told:
                told[symbol].append(item)
    return told


@dataclass(frozen=True)
class _Stories:
    """The stories of one symbol as arrays, ascending by `known_at`.

    Attributes:
        before: the story before that has the same headline (−1 for none): in a window, the first of them counts.
        until: the instant from which a later version of the headline stands in its place (NaT for never).
        source: a number for each source.
    """

    known_at: TimeArray
    valence: FloatArray
    compounds: FloatArray
    before: IndexArray
    until: TimeArray
    source: IndexArray

    @classmethod
    def of(cls, items: Sequence[NewsItem]) -> _Stories:
        compounds = np.array([compound(item.title) for item in items], dtype=np.float64)
        until = np.full(len(items), np.datetime64("NaT"), dtype="datetime64[us]")
        for place, at in enumerate(replaced_at(items)):
            if at is not None:
                until[place] = utc64(at)
        numbers: dict[str, int] = {}
        return cls(
            utc64_all([item.known_at for item in items]),
            valence_sums(compounds),
            compounds,
            np.array(repeats(items), dtype=np.intp),
            until,
            np.array([numbers.setdefault(item.source, len(numbers)) for item in items], dtype=np.intp),
        )

    def scores(self, at: TimeArray) -> tuple[FloatArray, FloatArray]:
        """Return the score (NaN for too few stories) and the stories in the window, at each cutoff."""
        start = np.searchsorted(self.known_at, at - WINDOW_HOURS * _HOUR, side="right")
        row, story = _pairs(start, np.searchsorted(self.known_at, at, side="right"))
        counts = (self.before[story] < start[row]) & ~(self.until[story] <= at[row])
        row, story = row[counts], story[counts]
        weights = _weights((at[row] - self.known_at[story]) / _HOUR)
        count = np.bincount(row, minlength=len(at)).astype(np.float64)
        effective = np.bincount(row, weights, minlength=len(at))
        total = np.bincount(row, weights * self.valence[story], minlength=len(at))
        return np.where(count < MIN_STORIES, np.nan, evidence_score(total, effective)), count

    def bad_sources(self, at: TimeArray) -> FloatArray:
        """Return how many sources told a bad story within a day, at each cutoff."""
        bad = np.flatnonzero(self.compounds <= BAD_STORY)
        known_at = self.known_at[bad]
        start = np.searchsorted(known_at, at - EVENT_HOURS * _HOUR, side="right")
        row, place = _pairs(start, np.searchsorted(known_at, at, side="right"))
        story = bad[place]
        stands = ~(self.until[story] <= at[row])
        sources = int(self.source.max()) + 1
        told = np.unique(row[stands] * sources + self.source[story[stands]])
        return np.bincount(told // sources, minlength=len(at)).astype(np.float64)

    def newest(self, at: TimeArray) -> TimeArray:
        """Return when the newest story of the window became known, at each cutoff; NaT where there is none.

        An older one is no input of the score; whether it is still loaded must not show in a decision.
        """
        newest = pick_time(self.known_at, last_known(self.known_at, at))
        return np.where(newest > at - WINDOW_HOURS * _HOUR, newest, np.datetime64("NaT"))


def _pairs(start: IndexArray, end: IndexArray) -> tuple[IndexArray, IndexArray]:
    """Return (row, story) of every story in every window [start, end), row by row."""
    counts = end - start
    row = np.repeat(np.arange(len(start)), counts)
    first = np.repeat(start - (np.cumsum(counts) - counts), counts)
    return row, np.arange(len(row)) + first
