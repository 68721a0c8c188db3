"""Filings, monthly series and corporate actions, from the sources into the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from trading.domain.instruments import Symbol
from trading.domain.market import CorporateAction, EarningsReport, Filing, MacroPoint, TimeWindow
from trading.ports import IngestCounts, MarketRows, Place, Provenance, Services, Sources
from trading.tasks.gathering import Gathering

FIRST_FACTS = timedelta(days=6 * 365)
COMPANIES_AT_ONCE = 100
"""Companies about whose filings a source is asked in one step; of more, each step asks the next ones in the ring.

A vendor is asked company by company, the SEC five a second: hundreds of them would hold up the hour for something that
changes four times a year.
"""
ASK_AGAIN = timedelta(days=1)
"""How long a source is left alone about a company of which it knew no filing at all."""
_EVERY_SOURCE = "every source"
_OVERLAP = timedelta(days=7)
_INSTANT = timedelta(microseconds=1)
"""Windows are half-open, a cutoff is not: what became known exactly at the cutoff counts."""


@dataclass
class FactIntake:
    """The intake of one step: each source is asked from its own newest row on, and only new rows are stored.

    Every delivery is a transaction of its own, so that a step that fails later keeps it.

    Attributes:
        later: companies whose turn to be asked about filings comes in later steps.
    """

    services: Services
    gathering: Gathering
    cutoff_at: datetime
    run_id: str
    later: int = 0
    counts: dict[str, IngestCounts] = field(
        default_factory=lambda: {kind: IngestCounts() for kind in ("filings", "macro", "actions", "earnings")}
    )

    def filings(self, symbols: Sequence[Symbol], stored: Sequence[Filing]) -> None:
        """Ask symbol by symbol: the newest filing of one says nothing about what another has still to give.

        The filings of a company come from one source, the first that has any: what two of them say of one period
        would read as an amendment. One that does not know a company, or has nothing of it, leaves it to the next one
        and is asked again a day later.
        """
        if not self.services.sources.filings:
            return
        known, turn = set(stored), self._turn(symbols)
        served: set[Symbol] = set()
        asked: set[Symbol] = set()
        for source in self.services.sources.filings:
            others = filed_elsewhere(stored, source.name, self.services.sources)
            silent = self._silent(source.name) - {f.symbol for f in stored if f.source == source.name}
            asked |= silent
            for symbol in (s for s in turn if s not in served | others | silent):
                asked |= set() if self.gathering.is_left_alone(source.name) else {symbol}
                window = self.window(f.known_at for f in stored if f.symbol == symbol and f.source == source.name)
                ask = partial(source.filings, [symbol], window)
                rows = self.gathering.ask(source.name, f"no filings of {symbol}", ask)
                has_some = bool(rows) or any(f.symbol == symbol and f.source == source.name for f in stored)
                is_silent = not has_some and (rows is not None or self.gathering.was_unknown)
                served |= set() if is_silent else {symbol}
                new = [row for row in rows or () if row not in known]
                request = f"filings of {symbol} from {window.starts_at:%Y-%m-%d}"
                with self._delivery(source.name, request) as (market, origin):
                    self.counts["filings"] += market.add_filings(new, origin)
                if is_silent:
                    self._remember(Place.NO_FILINGS, symbol, source.name)
        if len(turn) < len(symbols):
            self._remember_turn([symbol for symbol in turn if symbol in asked])

    def _turn(self, symbols: Sequence[Symbol]) -> Sequence[Symbol]:
        """Return those whose turn it is: all of few, of many the ones behind the last that was asked.

        It is one turn for all sources. With a turn for each, the second source would be asked about companies that the
        first was not asked about yet, and theirs they would stay.
        """
        if len(symbols) <= COMPANIES_AT_ONCE:
            return symbols
        with self.services.store.transaction() as tx:
            last = tx.history.last_asked(Place.FILINGS_TURN, source=_EVERY_SOURCE)
        self.later = len(symbols) - COMPANIES_AT_ONCE
        begin = symbols.index(last) + 1 if last in symbols else 0
        return [symbols[(begin + k) % len(symbols)] for k in range(COMPANIES_AT_ONCE)]

    def _remember_turn(self, asked: Sequence[Symbol]) -> None:
        """Remember the last that was asked, so that a retry after an outage begins with those who still wait."""
        if asked:
            self._remember(Place.FILINGS_TURN, asked[-1], _EVERY_SOURCE)

    def _silent(self, source: str) -> frozenset[Symbol]:
        """Return the companies about which a source knew nothing when it was asked within the last day."""
        span = TimeWindow(self.cutoff_at - ASK_AGAIN + _INSTANT, self.cutoff_at)
        with self.services.store.transaction() as tx:
            return tx.history.symbols_asked(Place.NO_FILINGS, span, source=source)

    def _remember(self, place: Place, symbol: Symbol, source: str) -> None:
        span = TimeWindow(self.cutoff_at, self.cutoff_at + _INSTANT)
        with self.services.store.transaction() as tx:
            tx.history.remember(place, symbol, span, source=source, at=self.services.clock.now())

    def macro(self, stored: Sequence[MacroPoint]) -> None:
        """Ask each source once."""
        known = {(p.series, p.period_on, p.known_at) for p in stored}
        for source in self.services.sources.macro:
            window = self.window(p.known_at for p in stored if p.source == source.name)
            rows = self.gathering.ask(source.name, "no monthly values", partial(source.macro, window))
            new = [row for row in rows or () if (row.series, row.period_on, row.known_at) not in known]
            request = f"macro from {window.starts_at:%Y-%m-%d}"
            with self._delivery(source.name, request) as (market, origin):
                self.counts["macro"] += market.add_macro(new, origin)

    def earnings(self, symbols: Sequence[Symbol], stored: Sequence[EarningsReport]) -> None:
        """Ask each source once for all symbols and all years: it decides whose turn it is, and tells all it has.

        Figures that were changed since they were stored are a revision, known from now on.
        """
        window = TimeWindow(self.cutoff_at - FIRST_FACTS, self.cutoff_at + _INSTANT)
        for source in self.services.sources.earnings:
            rows = self.gathering.ask(source.name, "no earnings", partial(source.earnings, symbols, window))
            new = new_reports(rows or (), stored, seen_at=self.services.clock.now())
            with self._delivery(source.name, "earnings") as (market, origin):
                self.counts["earnings"] += market.add_earnings(new, origin)

    def actions(self, symbols: Sequence[Symbol], stored: Sequence[CorporateAction]) -> None:
        """Ask each source once for all symbols, from where the one with the oldest news stands."""
        known = {(a.symbol, a.kind, a.ex_on) for a in stored}
        for source in self.services.sources.actions:
            windows = [self.window(a.known_at for a in stored if a.symbol == symbol) for symbol in symbols]
            window = min(windows, key=lambda w: w.starts_at)
            ask = partial(source.corporate_actions, symbols, window)
            rows = self.gathering.ask(source.name, "no splits and dividends", ask)
            new = [row for row in rows or () if (row.symbol, row.kind, row.ex_on) not in known]
            request = f"actions from {window.starts_at:%Y-%m-%d}"
            with self._delivery(source.name, request) as (market, origin):
                self.counts["actions"] += market.add_actions(new, origin)

    def window(self, known: Iterable[datetime]) -> TimeWindow:
        """Return the span since the newest stored fact, a week earlier because facts arrive out of order."""
        newest_at = max(known, default=self.cutoff_at - FIRST_FACTS)
        return TimeWindow(newest_at - _OVERLAP, self.cutoff_at + _INSTANT)

    @contextmanager
    def _delivery(self, source: str, request: str) -> Iterator[tuple[MarketRows, Provenance]]:
        origin = Provenance(source, request, self.services.clock.now(), self.run_id)
        with self.services.store.transaction() as tx:
            yield tx.market, origin


def filed_elsewhere(stored: Iterable[Filing], source: str, sources: Sources) -> set[Symbol]:
    """Return the companies whose filings come from another source than `source`: that one is not asked for them."""
    others = {other.name for other in sources.filings} - {source}
    return {filing.symbol for filing in stored if filing.source in others}


def new_reports(
    rows: Iterable[EarningsReport], stored: Iterable[EarningsReport], *, seen_at: datetime
) -> list[EarningsReport]:
    """Return what of a delivery is not stored yet; figures that were changed since are known from `seen_at` on."""
    newest = {(r.source, r.symbol, r.period_ends_on): r for r in sorted(stored, key=lambda r: r.known_at)}
    new = []
    for row in rows:
        before = newest.get((row.source, row.symbol, row.period_ends_on))
        if before is None:
            new.append(row)
        elif (before.eps_reported, before.eps_estimated) != (row.eps_reported, row.eps_estimated):
            new.append(replace(row, known_at=max(row.known_at, seen_at)))
    return new
