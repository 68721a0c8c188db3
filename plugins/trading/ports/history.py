"""What vendors were asked for and what they replied: the memory that lets history go on where it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from trading.domain.instruments import Symbol
from trading.domain.market import Resolution, TimeWindow
from trading.domain.panel import TimeArray


@dataclass(frozen=True, slots=True)
class SourceRows:
    """What one source brought.

    Attributes:
        row_count: rows of market.* that came from it, revisions too.
        newest_at: when its newest delivery was fetched; None where that is not known.
    """

    source: str
    row_count: int
    newest_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewestFact:
    """The newest of what one source brought of one kind.

    Attributes:
        kind: "bar", "news" or "filing".
        resolution: of a bar; None for what has none.
        newest_at: when a bar ended, or a story or filing became known.
    """

    kind: str
    resolution: Resolution | None
    source: str
    newest_at: datetime


class Place(StrEnum):
    """Kinds of rows of ops.asked_spans that say where the hourly questions stand; the others are stretches of history.

    A place is of use for some days, a stretch for good. FILINGS_TURN: the last company whose turn it was. NO_FILINGS: a
    source knew none of a company. NEWS_CUT: a quota left questions about a span open. NEWS_WHOLE: they were answered.
    """

    FILINGS_TURN = "filings, in turn"
    NO_FILINGS = "no filings"
    NEWS_CUT = "news answered in part"
    NEWS_WHOLE = "news answered again"


class HistoryRows(Protocol):
    """ops.asked_spans, staging.replies and staging.bodies, and which bars are stored."""

    def asked(self, kind: str, symbol: str, *, source: str | None = None) -> Sequence[TimeWindow]:
        """Return the spans for which a source answered in full, ascending; None for any source.

        Args:
            kind: a resolution, or the name of another kind of fact.
            symbol: "" where the fact belongs to none.
        """
        ...

    def remember(self, kind: str, symbol: str, span: TimeWindow, *, source: str, at: datetime) -> None:
        """Remember that a source answered for a whole span: what is absent in it, it does not have."""
        ...

    def last_asked(self, kind: str, *, source: str) -> Symbol | None:
        """Return the symbol that was remembered last; None where nothing of that kind was."""
        ...

    def symbols_asked(self, kind: str, span: TimeWindow, *, source: str) -> frozenset[Symbol]:
        """Return the symbols with a remembered span of that kind which begins within `span`, its end included."""
        ...

    def forget_places(self, before: datetime) -> int:
        """Forget the places remembered before an instant, but the newest of a kind and source; rows deleted."""
        ...

    def bar_starts(self, symbol: Symbol, resolution: Resolution, span: TimeWindow) -> TimeArray:
        """Return the starts of the stored bars that begin within a span, ascending, UTC."""
        ...

    def delete_replies(self, before: datetime) -> int:
        """Forget the replies kept before an instant, with the bodies that nothing else needs; replies deleted."""
        ...

    def sources(self) -> Sequence[SourceRows]:
        """Return what each source brought, ascending by name."""
        ...

    def newest_deliveries(self) -> dict[str, datetime]:
        """Return when each source delivered last, by name ascending; nothing else is counted, so this is quick."""
        ...

    def newest_facts(self, symbols: Sequence[Symbol]) -> Sequence[NewestFact]:
        """Return the newest bar of these symbols, story and filing by source; each is a look-up, so this is quick."""
        ...
