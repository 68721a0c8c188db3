"""History from the vendors into the store: in chunks, each a transaction; a broken pull goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import partial

from trading.analysis.quality import IMPORT_JUMP_FACTOR, Checked, check_bars, expected_windows
from trading.domain.instruments import Symbol
from trading.domain.market import Bar, CorporateAction, Resolution, TimeWindow
from trading.ports import BarSource, IngestCounts, NewsSource, Provenance, Services
from trading.tasks.gathering import Gathering
from trading.tasks.ingest_facts import FactIntake
from trading.tasks.parking import judge_splits

CHUNK = {Resolution.DAY: timedelta(days=366), Resolution.HALF_HOUR: timedelta(days=90)}
NEWS_CHUNK = timedelta(days=30)
_FIRST_WEEK = timedelta(days=7)
"""A chunk of headlines counts as loaded when its first week holds a story: chunks are stored whole."""


class What(StrEnum):
    """What can be pulled."""

    BARS = "bars"
    ACTIONS = "actions"
    NEWS = "news"
    FILINGS = "filings"
    MACRO = "macro"


@dataclass
class Pull:
    """One pull of some symbols' history.

    Attributes:
        window: from the first session's open to the last session's close, or to now.
        told: hears of each chunk before it is asked for, in words.
        skipped_count: chunks that were stored already.
    """

    services: Services
    symbols: Sequence[Symbol]
    window: TimeWindow
    told: Callable[[str], None] = lambda text: None
    gathering: Gathering = field(default_factory=Gathering)
    counts: dict[str, IngestCounts] = field(default_factory=dict)
    skipped_count: int = 0

    def run(self, wanted: Sequence[What]) -> None:
        """Pull what is wanted. Corporate actions come first: they explain the jumps between bars.

        Raises:
            TransientError: a vendor is out of service; what arrived is stored, and the same command goes on.
        """
        for what in sorted(wanted, key=lambda kind: kind is not What.ACTIONS):
            if what is What.BARS:
                self._bars()
            elif what is What.NEWS:
                self._news()
            else:
                self._facts(what)
        self.gathering.conclude()

    def _facts(self, what: What) -> None:
        now = self.services.clock.now()
        intake = FactIntake(self.services, self.gathering, now, self._run_id(), since=self.window.starts_at)
        self.told(f"{what} from {self.window.starts_at:%Y-%m-%d}")
        with self.services.store.transaction() as tx:
            filings = tx.market.filings(cutoff_at=now)
            macro = tx.market.macro(cutoff_at=now)
            actions = tx.market.actions(cutoff_at=now)
        if what is What.FILINGS:
            intake.filings(self.symbols, filings)
        elif what is What.MACRO:
            intake.macro(macro)
        else:
            intake.actions(self.symbols, actions)
        self.counts[what] = intake.counts[what]

    def _bars(self) -> None:
        for symbol in self.symbols:
            for resolution, length in CHUNK.items():
                served = self.services.sources.bars_for(symbol, resolution, self.window.ends_at)
                if served is None:
                    self.gathering.notes.append(f"no source serves {resolution} bars of {symbol}")
                    continue
                source, until = served
                for chunk in _chunks(TimeWindow(self.window.starts_at, min(until, self.window.ends_at)), length):
                    self._bar_chunk(source, symbol, resolution, chunk)

    def _bar_chunk(self, source: BarSource, symbol: Symbol, resolution: Resolution, chunk: TimeWindow) -> None:
        sessions = self.services.calendar.sessions(chunk.starts_at.date(), chunk.ends_at.date())
        spans = [
            s for s in expected_windows(sessions, resolution, through=chunk.ends_at) if s.starts_at >= chunk.starts_at
        ]
        days, previous, actions = self._stored(symbol, resolution, chunk)
        if {span.starts_at.date() for span in spans} <= days:
            self.skipped_count += 1
            return
        self.told(f"{symbol} {resolution} bars from {chunk.starts_at:%Y-%m-%d}")
        bars = self.gathering.ask(source.name, f"{symbol} bars", partial(source.bars, symbol, chunk, resolution))
        if bars is None:
            return
        checked = self._checked(bars, spans, previous, actions)
        request = f"{symbol} {resolution} bars from {chunk.starts_at:%Y-%m-%d}"
        with self.services.store.transaction() as tx:
            stored = tx.market.add_bars(checked.accepted, self._origin(source.name, request), checked.rejected)
            judge_splits(tx, checked.splits, at=self.services.clock.now())
        self.counts[What.BARS] = self.counts.get(What.BARS, IngestCounts()) + stored

    def _checked(
        self,
        bars: Sequence[Bar],
        spans: Sequence[TimeWindow],
        previous: tuple[date, float] | None,
        actions: Sequence[CorporateAction],
    ) -> Checked:
        now = self.services.clock.now()
        return check_bars(
            bars,
            previous=previous,
            actions=actions,
            cutoff_at=now,
            expected=spans,
            jump_factor=IMPORT_JUMP_FACTOR,
            doubts_splits=True,
        )

    def _stored(
        self, symbol: Symbol, resolution: Resolution, chunk: TimeWindow
    ) -> tuple[set[date], tuple[date, float] | None, tuple[CorporateAction, ...]]:
        """Return the days of the chunk that have a bar, day and close of the bar before it, and the actions."""
        now = self.services.clock.now()
        since = chunk.starts_at - timedelta(days=15)
        with self.services.store.transaction() as tx:
            found = tx.market.bars([symbol], [resolution], as_of=chunk.ends_at, cutoff_at=now, since=since)
            known = (*tx.market.actions(cutoff_at=now), *tx.market.suspect_actions(cutoff_at=now))
            actions = tuple(a for a in known if a.symbol == symbol)
        series = found.get((symbol, resolution))
        if series is None:
            return set(), None, actions
        on = series.starts_at.astype("datetime64[D]").tolist()
        first_on = chunk.starts_at.date()
        before = [(day, float(close)) for day, close in zip(on, series.close, strict=True) if day < first_on]
        return {day for day in on if day >= first_on}, before[-1] if before else None, actions

    def _news(self) -> None:
        with self.services.store.transaction() as tx:
            stored = tx.market.news(since=self.window.starts_at, cutoff_at=self.services.clock.now())
        for source in self.services.sources.news:
            for symbol in self.symbols:
                at = [item.published_at for item in stored if item.source == source.name and symbol in item.symbols]
                for chunk in _chunks(self.window, NEWS_CHUNK):
                    if any(chunk.starts_at <= told_at < chunk.starts_at + _FIRST_WEEK for told_at in at):
                        self.skipped_count += 1
                    else:
                        self._news_chunk(source, symbol, chunk)

    def _news_chunk(self, source: NewsSource, symbol: Symbol, chunk: TimeWindow) -> None:
        request = f"news about {symbol} from {chunk.starts_at:%Y-%m-%d}"
        self.told(request)
        items = self.gathering.ask(source.name, request, partial(source.news, [symbol], chunk))
        if items:
            with self.services.store.transaction() as tx:
                stored = tx.market.add_news(items, self._origin(source.name, request))
            self.counts[What.NEWS] = self.counts.get(What.NEWS, IngestCounts()) + stored

    def _origin(self, source: str, request: str) -> Provenance:
        return Provenance(source, request, self.services.clock.now(), self._run_id())

    def _run_id(self) -> str:
        return f"pull@{self.services.clock.now():%Y-%m-%dT%H:%MZ}"


def window_of(services: Services, first_on: date, last_on: date) -> TimeWindow | None:
    """Return the span of the sessions from `first_on` to `last_on`, not beyond now; None when there is none."""
    now = services.clock.now()
    sessions = [s for s in services.calendar.sessions(first_on, last_on) if s.opens_at < now]
    return TimeWindow(sessions[0].opens_at, min(sessions[-1].closes_at, now)) if sessions else None


def gaps(
    services: Services, symbols: Sequence[Symbol], window: TimeWindow
) -> Mapping[tuple[Symbol, Resolution], tuple[int, int, tuple[datetime, ...]]]:
    """Return for each symbol and resolution: expected bars, stored ones of them, and the starts of the missing ones."""
    sessions = services.calendar.sessions(window.starts_at.date(), window.ends_at.date())
    with services.store.transaction() as tx:
        stored = tx.market.bars(
            symbols, tuple(CHUNK), as_of=window.ends_at, cutoff_at=services.clock.now(), since=window.starts_at
        )
    found: dict[tuple[Symbol, Resolution], tuple[int, int, tuple[datetime, ...]]] = {}
    for symbol in symbols:
        for resolution in CHUNK:
            expected = [span.starts_at for span in expected_windows(sessions, resolution, through=window.ends_at)]
            series = stored.get((symbol, resolution))
            present = set() if series is None else set(series.starts_at.tolist())
            missing = tuple(at for at in expected if at.replace(tzinfo=None) not in present)
            found[symbol, resolution] = (len(expected), len(expected) - len(missing), missing)
    return found


def _chunks(window: TimeWindow, length: timedelta) -> Iterator[TimeWindow]:
    """Yield consecutive pieces of `window`, cut at midnights UTC: a New York session lies within one UTC date."""
    start = window.starts_at
    while start < window.ends_at:
        midnight = datetime.combine(start.date() + length, time(), UTC)
        yield TimeWindow(start, min(midnight, window.ends_at))
        start = midnight
