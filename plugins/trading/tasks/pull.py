"""History from the vendors into the store: in pieces, each a transaction; a broken pull goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

from trading.analysis.quality import IMPORT_JUMP_FACTOR, Checked, check_bars, expected_windows
from trading.domain.instruments import Symbol
from trading.domain.market import BarFault, CorporateAction, EarningsReport, Resolution, TimeWindow
from trading.ports import IngestCounts, MarketRows, Provenance, Services, Transaction
from trading.tasks.gathering import Gathering
from trading.tasks.ingest_facts import filed_elsewhere, new_reports
from trading.tasks.parking import judge_splits
from trading.tasks.pull_plan import RESOLUTIONS, SETTLED, Expected, Named, Unit, What, lacking_of, without_days

_AHEAD = timedelta(days=10)
"""A report of today counts from a later open, and is stored all the same."""
_BEFORE = timedelta(days=15)
_SHOWN = 5


@dataclass
class Pull:
    """One pull of some symbols' history.

    Attributes:
        told: hears of each piece before it is asked for.
        waiting_count: pieces whose vendor did not answer, or has no quota left.
        refused_count: bars that came, were not believed, and are in the store from nobody else either.
    """

    services: Services
    told: Callable[[Unit], None] = lambda unit: None
    gathering: Gathering = field(default_factory=Gathering)
    counts: dict[str, IngestCounts] = field(default_factory=dict)
    loaded_count: int = 0
    waiting_count: int = 0
    refused_count: int = 0
    _actions: dict[Symbol, list[CorporateAction]] | None = None

    def run(self, units: Iterable[Unit]) -> None:
        """Pull one piece after the other.

        Raises:
            TransientError: a vendor is out of service; what arrived is stored, and the same command goes on.
        """
        for unit in units:
            self.load(unit)
        self.gathering.conclude()

    def load(self, unit: Unit) -> None:
        """Ask for one piece and store the answer, with the memory that it was answered, in one transaction."""
        if self.gathering.is_left_alone(unit.source):
            self.waiting_count += 1
            return
        self.told(unit)
        before = len(self.gathering.notes)
        stored = self._bars(unit) if unit.what is What.BARS else self._facts(unit)
        if stored is None:
            self.waiting_count += 1
        else:
            self.loaded_count += 1
            self.counts[unit.what] = self.counts.get(unit.what, IngestCounts()) + stored
        assert stored is not None or len(self.gathering.notes) > before, "what did not come has a note"

    def leave(self, unit: Unit) -> None:
        """Count a piece as waiting whose source may not be asked now."""
        self.waiting_count += 1
        self.gathering.is_partial = True
        self.gathering.notes.append(
            f"{unit.label}: {unit.source} does not serve it now; see ./airdesk data status, then load it again"
        )

    def _bars(self, unit: Unit) -> IngestCounts | None:
        (symbol,), resolution = unit.symbols, Resolution(unit.kind)
        source = _named(self.services.sources.bars, unit.source)
        bars = self.gathering.ask(source.name, unit.label, partial(source.bars, symbol, unit.span, resolution))
        if bars is None:
            return None
        sessions = self.services.calendar.sessions(unit.span.starts_at.date(), unit.span.ends_at.date())
        spans = expected_windows(sessions, resolution, through=unit.span.ends_at)
        checked = check_bars(
            bars,
            previous=self._previous(symbol, resolution, unit.span.starts_at),
            actions=self._actions_of(symbol),
            cutoff_at=self.services.clock.now(),
            expected=[span for span in spans if span.starts_at >= unit.span.starts_at],
            jump_factor=IMPORT_JUMP_FACTOR,
            doubts_splits=True,
        )
        with self.services.store.transaction() as tx:
            counts = tx.market.add_bars(checked.accepted, self._origin(unit), checked.rejected)
            judge_splits(tx, checked.splits, at=self.services.clock.now())
            refused = self._refused(tx, unit, checked)
            self._remember(tx, unit, refused)
        if checked.splits:
            self._actions = None
        self._tell_refused(unit, refused)
        return counts

    def _refused(self, tx: Transaction, unit: Unit, checked: Checked) -> Mapping[datetime, BarFault]:
        """Return what is wrong with the bars that leave a hole, by their start; what is only too young will come."""
        (symbol,), holes = unit.symbols, set(checked.missing)
        found = {
            bar.starts_at: fault
            for bar, fault in checked.rejected
            if fault is not BarFault.FROM_THE_FUTURE and bar.starts_at in holes
        }
        if found:
            stored = set(tx.history.bar_starts(symbol, Resolution(unit.kind), unit.span).tolist())
            found = {at: fault for at, fault in found.items() if at.replace(tzinfo=None) not in stored}
        return found

    def _tell_refused(self, unit: Unit, refused: Mapping[datetime, BarFault]) -> None:
        if not refused:
            return
        self.refused_count += len(refused)
        self.gathering.is_partial = True
        faults = ", ".join(sorted(set(refused.values())))
        self.gathering.notes.append(
            f"{unit.label}: {len(refused)} bars of {unit.source} were refused ({faults}), the first of "
            f"{min(refused):%Y-%m-%d}; store the split that explains them or name another source, and load it again"
        )

    def _previous(self, symbol: Symbol, resolution: Resolution, before: datetime) -> tuple[date, float] | None:
        """Return day and close of the last bar before an instant."""
        with self.services.store.transaction() as tx:
            series = tx.market.bars(
                [symbol], [resolution], as_of=before, cutoff_at=self.services.clock.now(), since=before - _BEFORE
            ).get((symbol, resolution))
        if series is None or not len(series):
            return None
        return series.starts_at[-1].astype("datetime64[D]").item(), float(series.close[-1])

    def _actions_of(self, symbol: Symbol) -> Sequence[CorporateAction]:
        if self._actions is None:
            self._actions, now = {}, self.services.clock.now()
            with self.services.store.transaction() as tx:
                known = (*tx.market.actions(cutoff_at=now), *tx.market.suspect_actions(cutoff_at=now))
            for action in known:
                self._actions.setdefault(action.symbol, []).append(action)
        return self._actions.get(symbol, ())

    def _facts(self, unit: Unit) -> IngestCounts | None:
        sources, symbols, span = self.services.sources, unit.symbols, unit.span
        if unit.what is What.NEWS:
            news = _named(sources.news, unit.source)
            return self._take(unit, partial(news.news, symbols, span), lambda market: market.add_news)
        if unit.what is What.FILINGS:
            return self._filings(unit)
        if unit.what is What.EARNINGS:
            earnings = _named(sources.earnings, unit.source)
            return self._take(unit, partial(earnings.earnings, symbols, span), lambda market: partial(_revise, market))
        if unit.what is What.MACRO:
            macro = _named(sources.macro, unit.source)
            return self._take(unit, partial(macro.macro, span), lambda market: market.add_macro)
        self._actions = None
        actions = _named(sources.actions, unit.source)
        return self._take(unit, partial(actions.corporate_actions, symbols, span), lambda market: market.add_actions)

    def _filings(self, unit: Unit) -> IngestCounts | None:
        """Take a company's filings from one source: what two of them say of one period would read as an amendment."""
        (symbol,) = unit.symbols
        with self.services.store.transaction() as tx:
            stored = tx.market.filings(cutoff_at=self.services.clock.now())
            if symbol in filed_elsewhere(stored, unit.source, self.services.sources):
                self._remember(tx, unit)
                return IngestCounts()
        source = _named(self.services.sources.filings, unit.source)
        return self._take(unit, partial(source.filings, unit.symbols, unit.span), lambda market: market.add_filings)

    def _take[Row](
        self,
        unit: Unit,
        ask: Callable[[], Iterable[Row]],
        add: Callable[[MarketRows], Callable[[Sequence[Row], Provenance], IngestCounts]],
    ) -> IngestCounts | None:
        rows = self.gathering.ask(unit.source, unit.label, ask)
        is_cut = self.gathering.was_cut
        if rows is None:
            return None
        with self.services.store.transaction() as tx:
            counts = add(tx.market)(rows, self._origin(unit))
            if not is_cut:
                self._remember(tx, unit)
        return None if is_cut else counts

    def _remember(self, tx: Transaction, unit: Unit, refused: Iterable[datetime] = ()) -> None:
        """Remember what was answered in full: not the newest day, and not the days of bars that were refused."""
        now = self.services.clock.now()
        ends_at = min(unit.span.ends_at, now - SETTLED)
        if ends_at <= unit.span.starts_at:
            return
        for span in without_days(TimeWindow(unit.span.starts_at, ends_at), {at.date() for at in refused}):
            for symbol in unit.symbols or ("",):
                tx.history.remember(unit.kind, symbol, span, source=unit.source, at=now)

    def _origin(self, unit: Unit) -> Provenance:
        now = self.services.clock.now()
        return Provenance(unit.source, f"history of {unit.label}", now, f"pull@{now:%Y-%m-%dT%H:%MZ}")


@dataclass(frozen=True, slots=True)
class Gap:
    """What one symbol lacks in one resolution.

    Attributes:
        missing_count: expected bars that are not stored.
        absent_count: those of them that a source said it does not have.
        first_missing: starts of the first few, UTC without a zone.
    """

    symbol: Symbol
    resolution: Resolution
    expected_count: int
    missing_count: int
    absent_count: int
    first_missing: tuple[datetime, ...]


def gaps(services: Services, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[Gap]:
    """Yield for each symbol and resolution what the calendar expects and the store lacks, one symbol in memory."""
    expected = Expected(services.calendar)
    for symbol in symbols:
        for resolution in RESOLUTIONS:
            lacking = lacking_of(services, symbol, resolution, window, expected)
            missing = lacking.missing
            yield Gap(
                symbol,
                resolution,
                lacking.expected_count,
                len(missing),
                len(missing) - len(lacking.askable),
                tuple(missing[:_SHOWN].tolist()),
            )


def _revise(market: MarketRows, reports: Sequence[EarningsReport], origin: Provenance) -> IngestCounts:
    stored = market.earnings(cutoff_at=origin.fetched_at + _AHEAD)
    return market.add_earnings(new_reports(reports, stored, seen_at=origin.fetched_at), origin)


def _named[Source: Named](sources: Sequence[Source], name: str) -> Source:
    return next(source for source in sources if source.name == name)
