"""Headlines for people: what each story gave to a score, and how often the score was over its threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from trading.domain.panel import FeaturePanel
from trading.domain.sentiment import StoryScore
from trading.engine.result import ReplayResult
from trading.reporting.tables import table_of
from trading.reporting.wording import percent, whole

BUCKETS = ((3, 5), (6, 10), (11, 20), (21, None))
"""Stories of 72 hours, from and to, by which a gate is told; the last has no end."""
_RULE = "sentiment_above"


def stories_table(title: str, scores: Sequence[StoryScore]) -> Table:
    """Return one line per story: when it was known, its score, what was left of its weight, who told it, its title."""
    scorer = f"; scored by {scores[0].scored_by}" if scores else ""
    table = table_of(f"{title}{scorer}", "known (UTC)", "score", "weight", "source", "headline")
    for score in scores:
        table.add_row(
            f"{score.known_at:%m-%d %H:%M}", f"{score.compound:+.2f}", f"{score.weight:.2f}", Text(score.source),
            Text(score.title),
        )  # fmt: skip
    return table


@dataclass(frozen=True, slots=True)
class Opening:
    """How often a score was over its threshold where this many stories were told.

    Attributes:
        name: e.g. "3-5". symbol_days: closes of a symbol at which that many were told.
        opened: those of them over the threshold.
    """

    name: str
    symbol_days: int
    opened: int

    @property
    def open_frac(self) -> float | None:
        """Part of them that were over it [0–1]; None where there was none."""
        return self.opened / self.symbol_days if self.symbol_days else None


def openings(panel: FeaturePanel, is_look: NDArray[np.bool_], threshold: float) -> tuple[Opening, ...]:
    """Return how often the score was over `threshold`, by stories told, and for all of them in the last line.

    Args:
        is_look: the rows to look at, one a session.
    """
    score, count = panel.sentiment[is_look], panel.story_count[is_look]
    found = []
    for low, high in (*BUCKETS, (BUCKETS[0][0], None)):
        is_in = (count >= low) & (count <= (np.inf if high is None else high))
        name = "all" if (low, high) == (BUCKETS[0][0], None) else f"{low}-{high}" if high else f"{low} or more"
        found.append(Opening(name, int(is_in.sum()), int((is_in & (score > threshold)).sum())))
    return tuple(found)


def openings_of(result: ReplayResult) -> tuple[float, tuple[Opening, ...]] | None:
    """Return the sentiment threshold of a replay and how often it was passed at closes; None where no rule has one."""
    thresholds = [v.whole().threshold for _, rule, v in result.judgement.verdicts if rule == _RULE]
    if not thresholds or not thresholds[0].size:
        return None
    threshold = float(thresholds[0].flat[0])
    return threshold, openings(result.panel, result.curve.is_closing, threshold)


def opening_rows(found: Sequence[Opening]) -> list[tuple[str, str, str, str]]:
    """Return the cells of each line: stories, symbol-days, open, part."""
    return [(o.name, whole(o.symbol_days), whole(o.opened), percent(o.open_frac)) for o in found]


def openings_table(threshold: float, found: Sequence[Opening]) -> Table:
    """Return how often a score of headlines was over `threshold`, by the stories told."""
    title = f"score of headlines over {threshold:g} at closes"
    table = table_of(title, "stories in 72 h", "symbol-days", "open", "part")
    for row in opening_rows(found):
        table.add_row(*row)
    return table
