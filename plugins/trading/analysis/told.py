"""The stories of one symbol as arrays, and what those in a window add up to at many instants at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading.analysis.facts import count_known, pick_time, utc64, utc64_all
from trading.analysis.scoring import compound
from trading.analysis.stories import repeats, replaced_at
from trading.domain.market import NewsItem
from trading.domain.panel import FloatArray, TimeArray
from trading.domain.sentiment import Sentiment

WINDOW_HOURS = 72
EVENT_HOURS = 24
BAD_STORY = -0.5
HOUR = np.timedelta64(3_600_000_000, "us")
_ALPHA = 15.0

type IndexArray = NDArray[np.intp]


def valence_sums(compound_scores: FloatArray) -> FloatArray:
    """Return the raw valence sums that VADER squashed into `compound_scores`."""
    c = np.clip(compound_scores, -0.9999, 0.9999)
    return np.asarray(c * np.sqrt(_ALPHA / (1.0 - c * c)))


class Window(NamedTuple):
    """Stories in the window of each instant: `story` of `row` counts `weight` [0–1]."""

    row: IndexArray
    story: IndexArray
    weight: FloatArray


@dataclass(frozen=True)
class Told:
    """The stories of one symbol as arrays, ascending by `known_at`.

    Attributes:
        compounds: score of each headline [−1–1]. valence: the valence sum that it stands for.
        before: the story before that has the same headline (−1 for none): in a window, the first of them counts.
        until: the instant from which a later version of the headline stands in its place (NaT for never).
        source: a number for each source.
        half_life_hours: age at which a story counts half.
    """

    known_at: TimeArray
    valence: FloatArray
    compounds: FloatArray
    before: IndexArray
    until: TimeArray
    source: IndexArray
    half_life_hours: float

    @classmethod
    def of(cls, items: Sequence[NewsItem], sentiment: Sentiment) -> Told:
        """Return `ordered` stories as arrays, each headline scored."""
        compounds = np.array([compound(item.title, sentiment) for item in items], dtype=np.float64)
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
            sentiment.half_life_hours,
        )

    def window(self, at: TimeArray) -> Window:
        """Return the stories that count at each instant, each headline once and in its newest version."""
        start = count_known(self.known_at, at - WINDOW_HOURS * HOUR)
        row, story = _pairs(start, count_known(self.known_at, at))
        counts = (self.before[story] < start[row]) & ~(self.until[story] <= at[row])
        row, story = row[counts], story[counts]
        age_hours = (at[row] - self.known_at[story]) / HOUR
        return Window(row, story, np.asarray(np.exp2(-age_hours / self.half_life_hours)))

    def bad_sources(self, at: TimeArray) -> FloatArray:
        """Return how many sources told a bad story within a day, at each instant."""
        bad = np.flatnonzero(self.compounds <= BAD_STORY)
        known_at = self.known_at[bad]
        start = count_known(known_at, at - EVENT_HOURS * HOUR)
        row, place = _pairs(start, count_known(known_at, at))
        story = bad[place]
        stands = ~(self.until[story] <= at[row])
        sources = int(self.source.max()) + 1
        told = np.unique(row[stands] * sources + self.source[story[stands]])
        return np.bincount(told // sources, minlength=len(at)).astype(np.float64)

    def newest(self, at: TimeArray) -> TimeArray:
        """Return when the newest story of the window became known, at each instant; NaT where there is none.

        An older one is no input of the score; whether it is still loaded must not show in a decision.
        """
        newest = pick_time(self.known_at, count_known(self.known_at, at) - 1)
        return np.where(newest > at - WINDOW_HOURS * HOUR, newest, np.datetime64("NaT"))


def _pairs(start: IndexArray, end: IndexArray) -> tuple[IndexArray, IndexArray]:
    """Return (row, story) of every story in every window [start, end), row by row."""
    counts = end - start
    row = np.repeat(np.arange(len(start)), counts)
    first = np.repeat(start - (np.cumsum(counts) - counts), counts)
    return row, np.arange(len(row)) + first
