"""Rows of staging.*, market.* and analysis.*: what decisions read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from trading.domain.instruments import Symbol
from trading.domain.market import (
    Bar,
    BarFault,
    CorporateAction,
    EarningsReport,
    Filing,
    MacroPoint,
    NewsItem,
    Resolution,
)
from trading.domain.panel import FeaturePanel
from trading.domain.sentiment import StoryScore
from trading.domain.series import BarSeries
from trading.ports.gates import GateRows


@dataclass(frozen=True, slots=True)
class IngestCounts:
    """What became of the rows of one ingest."""

    received: int = 0
    stored: int = 0
    unchanged: int = 0
    revised: int = 0
    rejected: int = 0

    def __add__(self, other: IngestCounts) -> IngestCounts:
        return IngestCounts(
            self.received + other.received,
            self.stored + other.stored,
            self.unchanged + other.unchanged,
            self.revised + other.revised,
            self.rejected + other.rejected,
        )


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an ingest's rows came from; becomes one row of `staging.responses`."""

    source: str
    request: str
    fetched_at: datetime
    run_id: str


class MarketRows(GateRows, Protocol):
    """staging.* and market.*"""

    def ensure_years(self, years: Collection[int], fetched_at: datetime) -> None:
        """Make room for bars that start in `years` (UTC) and are fetched at an instant.

        `add_bars` does so by itself; a long transaction has it done by a short one, because others wait for it.
        """
        ...

    def add_bars(
        self,
        bars: Sequence[Bar],
        origin: Provenance,
        rejected: Sequence[tuple[Bar, BarFault]] = (),
        *,
        is_long: bool = False,
    ) -> IngestCounts:
        """Store checked bars (first seen and revisions kept) and file the rejected ones with their fault.

        Args:
            is_long: one of many deliveries of a transaction that takes minutes. Such transactions take turns; the short
                deliveries, which take turns by symbol, do not wait for them.

        Raises:
            TransientError: another transaction is storing the same bars; nothing of this one is stored.
        """
        ...

    def add_news(self, items: Sequence[NewsItem], origin: Provenance) -> IngestCounts:
        """Store stories; one already stored under its id stays as first seen."""
        ...

    def add_filings(self, filings: Sequence[Filing], origin: Provenance) -> IngestCounts:
        """Store filings."""
        ...

    def add_earnings(self, reports: Sequence[EarningsReport], origin: Provenance) -> IngestCounts:
        """Store reports of earnings; a revised one stands beside the first."""
        ...

    def add_macro(self, points: Sequence[MacroPoint], origin: Provenance) -> IngestCounts:
        """Store macro values."""
        ...

    def add_actions(self, actions: Sequence[CorporateAction], origin: Provenance) -> IngestCounts:
        """Store splits and dividends."""
        ...

    def bars(
        self,
        symbols: Sequence[Symbol],
        resolutions: Sequence[Resolution],
        *,
        as_of: datetime,
        cutoff_at: datetime,
        since: datetime | None = None,
        revised_by: datetime | None = None,
    ) -> dict[tuple[Symbol, Resolution], BarSeries]:
        """Return completed bars known at the cutoff, the newest known revision of each; absent keys have none.

        Args:
            revised_by: revisions that became known later are passed over, the first one is never. A stretch of
                decisions asks with its first cutoff, so that none reads what was corrected after it; None: no limit.
        """
        ...

    def last_bar_starts_at(self, resolution: Resolution) -> dict[Symbol, datetime]:
        """Return the start of the newest stored bar of each symbol."""
        ...

    def bar_source(self, symbol: Symbol, resolution: Resolution, starts_at: datetime, *, cutoff_at: datetime) -> str:
        """Return who said a stored bar, in the revision known at the cutoff."""
        ...

    def news(self, *, since: datetime, cutoff_at: datetime) -> tuple[NewsItem, ...]:
        """Return stories published at or after `since` and known at the cutoff, ascending by `known_at`."""
        ...

    def filings(self, *, cutoff_at: datetime) -> tuple[Filing, ...]:
        """Return filings known at the cutoff, ascending by `known_at`."""
        ...

    def earnings(self, *, cutoff_at: datetime) -> tuple[EarningsReport, ...]:
        """Return reports of earnings known at the cutoff, revisions too, ascending by `known_at`."""
        ...

    def macro(self, *, cutoff_at: datetime) -> tuple[MacroPoint, ...]:
        """Return macro values known at the cutoff, first publication of each month, ascending."""
        ...

    def actions(self, *, cutoff_at: datetime) -> tuple[CorporateAction, ...]:
        """Return splits and dividends known at the cutoff and not suspect then, ascending by `ex_on`."""
        ...

    def has_source(self, source: str) -> bool:
        """Whether anything was ever delivered by `source`."""
        ...


class AnalysisRows(Protocol):
    """analysis.*: the columns of a FeaturePanel, one row per (symbol, as_of, cutoff_at)."""

    def write(self, group: str, panel: FeaturePanel, cutoff_at: datetime) -> int:
        """Store the columns of `group` (technicals, sentiment, valuation, risk) of a one-time panel; rows written."""
        ...

    def write_stories(self, scores: Sequence[StoryScore], as_of: datetime, cutoff_at: datetime) -> int:
        """Store what each story gave at an instant, in place of what was stored for it; rows written."""
        ...

    def stories(self, symbol: Symbol, as_of: datetime, cutoff_at: datetime) -> tuple[StoryScore, ...]:
        """Return what each story gave to the score of `symbol` at an instant, the newest first."""
        ...

    def write_chances(self, panel: FeaturePanel, cutoff_at: datetime, model_id: str | None) -> int:
        """Store what the model said of a one-time panel, and which one it was; None if none was heard."""
        ...

    def read(self, symbols: tuple[Symbol, ...], as_of: datetime, cutoff_at: datetime) -> FeaturePanel:
        """Return the one-time panel of all groups; what no task wrote is unknown (NO_DATA)."""
        ...
