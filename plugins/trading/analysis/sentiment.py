"""Sentiment of headlines as evidence: what recent stories add up to.

Each story's raw valence sum s is recovered from its compound, s = c·√(15 ÷ (1 − c²)); weights halve with age;
S = Σ w·s, divided by √(n ÷ 3) once the effective number of stories n = Σ w exceeds 3; score = S ÷ √(S² + 15).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.facts import DecisionTimes, utc64_all
from trading.analysis.stories import ordered
from trading.analysis.told import Told
from trading.domain.instruments import Symbol
from trading.domain.market import NewsItem
from trading.domain.panel import FloatArray, TimeArray, Why
from trading.domain.runs import Columns, Runs
from trading.domain.sentiment import Sentiment, StoryScore
from trading.domain.signals import canonical

MIN_STORIES = 3
LOOK_DAYS = 180
"""How far back a percentile looks, once a day at the hour of the decision."""
MIN_LOOKS = 20
"""Fewer earlier scores than that make no rank."""
_ALPHA = 15.0
_DAY = np.timedelta64(86_400_000_000, "us")


def evidence_score(total: FloatArray, effective: FloatArray) -> FloatArray:
    """Return evidence scores [−1–1] of weighted valence sums and effective numbers of stories."""
    evidence = np.where(effective > MIN_STORIES, total / np.sqrt(np.maximum(effective, 1e-9) / MIN_STORIES), total)
    return np.asarray(evidence / np.sqrt(evidence * evidence + _ALPHA))


def read_stories(news: Iterable[NewsItem], symbols: Sequence[Symbol], sentiment: Sentiment) -> tuple[Told | None, ...]:
    """Return the stories of each symbol as arrays, scored and with repeats marked; None for one without any.

    Args:
        news: stories known by the last cutoff, any order; for percentiles those of the 180 days before, too.
    """
    told = _by_symbol(ordered(news), symbols)
    return tuple(Told.of(told[symbol], sentiment) if told[symbol] else None for symbol in symbols)


def sentiment_columns(
    told: Sequence[Told | None], times: DecisionTimes, sentiment: Sentiment
) -> dict[str, NDArray[Any] | Runs]:
    """Return the panel columns of sentiment, each of shape (times, symbols); `told` comes from `read_stories`."""
    looks = _Looks(times.cutoff_at) if sentiment.mode == "percentile" else None
    columns = Columns(len(times), len(told))
    for stories in told:
        columns.add(_told_of(stories, times.cutoff_at, sentiment, looks))
    return columns.done()


def _told_of(
    stories: Told | None, at: TimeArray, sentiment: Sentiment, looks: _Looks | None
) -> dict[str, NDArray[Any]]:
    """Return the panel columns of one symbol, each of one value a cutoff."""
    unknown, count, bad = np.full(len(at), np.nan), np.zeros(len(at)), np.zeros(len(at))
    through = np.full(len(at), np.datetime64("NaT"), dtype="datetime64[us]")
    score, evidence = unknown, unknown
    if stories is not None:
        found, mean, count = _scores(stories, at)
        evidence = canonical(found)
        bad, through = stories.bad_sources(at), stories.newest(at)
        score = canonical(looks.ranks(stories) if looks else mean) if looks or sentiment.mode == "mean" else evidence
    is_short = np.where(np.isnan(score), np.int8(Why.TOO_FEW_SCORES), np.int8(Why.KNOWN))
    return {
        "sentiment": score,
        "evidence": evidence,
        "story_count": count,
        "negative_source_count": bad,
        "news_through": through,
        "why_sentiment": np.where(count < MIN_STORIES, np.int8(Why.TOO_FEW_STORIES), is_short),
    }


def story_scores(
    news: Iterable[NewsItem], symbols: Sequence[Symbol], cutoff_at: datetime, sentiment: Sentiment
) -> list[StoryScore]:
    """Return what each story that counts at `cutoff_at` gave, by symbol and then as they became known."""
    given = []
    for symbol, items in _by_symbol(ordered(news), symbols).items():
        if items:
            stories = Told.of(items, sentiment)
            _, story, weight = stories.window(utc64_all([cutoff_at]))
            for place, part in zip(story.tolist(), weight.tolist(), strict=True):
                item, score = items[place], float(stories.compounds[place])
                given.append(
                    StoryScore(
                        symbol, item.item_id, item.source, item.known_at, item.title, score, part, sentiment.scored_by
                    )
                )
    return given


def _by_symbol(news: Iterable[NewsItem], symbols: Sequence[Symbol]) -> dict[Symbol, list[NewsItem]]:
    told: dict[Symbol, list[NewsItem]] = {symbol: [] for symbol in symbols}
    for item in news:
        for symbol in item.symbols:
            if symbol in told:
                told[symbol].append(item)
    return told


def _scores(stories: Told, at: TimeArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return evidence and mean score (NaN for too few stories) and the stories in the window, at each instant."""
    row, story, weight = stories.window(at)
    count = np.bincount(row, minlength=len(at)).astype(np.float64)
    effective = np.bincount(row, weight, minlength=len(at))
    total = np.bincount(row, weight * stories.valence[story], minlength=len(at))
    mean = np.bincount(row, weight * stories.compounds[story], minlength=len(at)) / np.maximum(effective, 1e-9)
    is_enough = count >= MIN_STORIES
    return np.where(is_enough, evidence_score(total, effective), np.nan), np.where(is_enough, mean, np.nan), count


class _Looks:
    """When scores are looked at for percentiles: at each decision, and at the same hour of the 180 days before it.

    They hang on the decision alone, so one hour and ten years of hours see the same scores.
    """

    def __init__(self, at: TimeArray) -> None:
        looked = at[:, None] - np.arange(LOOK_DAYS + 1) * _DAY
        self._instants, places = np.unique(looked, return_inverse=True)
        self._places = places.reshape(looked.shape)

    def ranks(self, stories: Told) -> FloatArray:
        """Return the part of the earlier scores under the one at each decision [0–1]; NaN where too few are known."""
        evidence, _, _ = _scores(stories, self._instants)
        seen = canonical(evidence)[self._places]
        now, earlier = seen[:, :1], seen[:, 1:]
        known = (~np.isnan(earlier)).sum(axis=1)
        under = (earlier < now).sum(axis=1) + 0.5 * (earlier == now).sum(axis=1)
        is_known = (known >= MIN_LOOKS) & ~np.isnan(now[:, 0])
        return np.where(is_known, under / np.maximum(known, 1), np.nan)
