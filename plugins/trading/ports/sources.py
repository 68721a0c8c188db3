"""Where facts come from: one narrow port a kind of fact, so that a vendor serves what it has and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from trading.domain.instruments import Symbol
from trading.domain.market import (
    Bar,
    CorporateAction,
    EarningsReport,
    Filing,
    MacroPoint,
    NewsItem,
    Resolution,
    SessionNotice,
    TimeWindow,
)
from trading.ports.calls import Quota

HISTORY_NEWS = timedelta(days=4 * 365)
"""How far the first ingest of headlines reaches where the source charges nothing for it."""


class BarSource(Protocol):
    """Where raw bars come from. `name` is stored with each bar; SYNTHETIC marks generated ones."""

    name: str

    def served_until(self, symbol: Symbol, resolution: Resolution, as_of: datetime) -> datetime | None:
        """Return up to when this source can have bars of `symbol` when it is asked at `as_of`.

        None where it serves none of that resolution. A plan without the current day serves up to the previous close.
        """
        ...

    def bars(self, symbol: Symbol, window: TimeWindow, resolution: Resolution) -> Iterator[Bar]:
        """Return the bars of `symbol` that start in `window`, ascending."""
        ...


class NewsSource(Protocol):
    """Where headlines come from."""

    name: str

    def news(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[NewsItem]:
        """Return stories about any of `symbols` published in `window`."""
        ...


class FilingSource(Protocol):
    """Where filings come from."""

    name: str

    def filings(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[Filing]:
        """Return filings that became known in `window`."""
        ...


class EarningsSource(Protocol):
    """Where reports of earnings, and what was expected of them, come from."""

    name: str

    def earnings(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[EarningsReport]:
        """Return reports by any of `symbols` that became known in `window`.

        A source that allows few calls takes turns: what it leaves out now, another hour brings.
        """
        ...


class MacroSource(Protocol):
    """Where monthly series come from."""

    name: str

    def macro(self, window: TimeWindow) -> Iterator[MacroPoint]:
        """Return macro values that became known in `window`."""
        ...


class ActionSource(Protocol):
    """Where splits and dividends come from."""

    name: str

    def corporate_actions(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[CorporateAction]:
        """Return splits and dividends that became known in `window`."""
        ...


class HolidaySource(Protocol):
    """Where the exchange's coming holidays and early closes come from."""

    name: str

    def upcoming(self) -> Iterator[SessionNotice]:
        """Return the notices of New York's coming weeks, ascending, each day once."""
        ...


class FundamentalsSource(FilingSource, MacroSource, ActionSource, Protocol):
    """One place with all three."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources that are switched on; a kind without any is off, and the tasks say so.

    A book on imported history has none: its facts are already stored. Several sources of one kind are asked one by
    one; what one of them does not answer is missing, noted and degrades that part alone.

    Attributes:
        bars: the first one that serves a symbol and resolution is asked for it.
        holidays: asked at night whether the calendar is still right.
        first_news: how far the first ingest of headlines reaches back.
        earnings: shown and open to rules; no rule needs it.
        quotas: what each vendor allows, by its name; a source is its vendor's, or begins with its name and "_".
        at_once: how many questions about bars a source answers at the same time, by its name; 1 where it is absent.
    """

    bars: tuple[BarSource, ...] = ()
    news: tuple[NewsSource, ...] = ()
    filings: tuple[FilingSource, ...] = ()
    macro: tuple[MacroSource, ...] = ()
    actions: tuple[ActionSource, ...] = ()
    holidays: tuple[HolidaySource, ...] = ()
    first_news: timedelta = HISTORY_NEWS
    earnings: tuple[EarningsSource, ...] = ()
    quotas: Mapping[str, Quota] = field(default_factory=dict)
    at_once: Mapping[str, int] = field(default_factory=dict)

    def bars_for(self, symbol: Symbol, resolution: Resolution, as_of: datetime) -> tuple[BarSource, datetime] | None:
        """Return the source of these bars and up to when it serves them; None where nobody does."""
        for source in self.bars:
            if (until := source.served_until(symbol, resolution, as_of)) is not None:
                return source, until
        return None

    def others_for(self, symbol: Symbol, resolution: Resolution, as_of: datetime) -> list[tuple[BarSource, datetime]]:
        """Return the sources of these bars that `bars_for` passes over, each with up to when it serves them."""
        served = ((source, source.served_until(symbol, resolution, as_of)) for source in self.bars)
        return [(source, until) for source, until in served if until is not None][1:]

    def stand_ins(
        self, symbol: Symbol, resolution: Resolution, as_of: datetime
    ) -> Iterator[tuple[BarSource, datetime]]:
        """Yield the source of these bars, then the others that reach as far as it does: who answers if it does not."""
        first_until: datetime | None = None
        for source in self.bars:
            until = source.served_until(symbol, resolution, as_of)
            if until is not None and (first_until is None or until >= first_until):
                first_until = first_until or until
                yield source, until
