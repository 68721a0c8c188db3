"""Where facts come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from trading.domain.instruments import Symbol
from trading.domain.market import Bar, CorporateAction, Filing, MacroPoint, NewsItem, Resolution, TimeWindow


class BarSource(Protocol):
    """Where raw bars come from. `name` is stored with each bar; SYNTHETIC marks generated ones."""

    name: str

    def bars(self, symbol: Symbol, window: TimeWindow, resolution: Resolution) -> Iterator[Bar]:
        """Return the bars of `symbol` that start in `window`, ascending."""
        ...


class NewsSource(Protocol):
    """Where headlines come from."""

    name: str

    def news(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[NewsItem]:
        """Return stories about any of `symbols` published in `window`."""
        ...


class FundamentalsSource(Protocol):
    """Where filings, macro series and corporate actions come from."""

    name: str

    def filings(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[Filing]:
        """Return filings that became known in `window`."""
        ...

    def macro(self, window: TimeWindow) -> Iterator[MacroPoint]:
        """Return macro values that became known in `window`."""
        ...

    def corporate_actions(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[CorporateAction]:
        """Return splits and dividends that became known in `window`."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources that are switched on; None means off, and the tasks say so.

    A book on imported history has none: its facts are already stored.
    """

    bars: BarSource | None = None
    news: NewsSource | None = None
    fundamentals: FundamentalsSource | None = None
