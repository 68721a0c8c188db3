"""One symbol's bars, from the source through the quality walls into the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from trading.analysis.quality import INDEX_JUMP_FACTOR, JUMP_FACTOR, Checked, check_bars, expected_windows
from trading.domain.instruments import InstrumentKind, Symbol
from trading.domain.market import Bar, BarFault, CorporateAction, Resolution, Slot, TimeWindow
from trading.ports import BarSource, IngestCounts, Provenance, Services
from trading.strategy.spec import StrategySpec

FIRST_LOOK_BACK = {Resolution.DAY: timedelta(days=4 * 365), Resolution.HALF_HOUR: timedelta(days=190)}
"""How far the first ingest reaches: days feed the indicators, half hours only prices and marks."""

PARKED_BY_BARS = "bars: "
"""Prefix of the reasons that the ingest parks for, and the only ones that it releases."""

_ANNOUNCED_BEFORE = timedelta(days=120)
_BEFORE = timedelta(days=15)
_NOTED_BARS = 3


@dataclass
class BarIngest:
    """The ingest of one slot's bars, and what it did so far.

    Attributes:
        without_newest: symbols whose newest half hour did not arrive.
    """

    services: Services
    spec: StrategySpec
    slot: Slot
    cutoff_at: datetime
    source: BarSource
    run_id: str
    counts: IngestCounts = field(default_factory=IngestCounts)
    missing_count: int = 0
    repeated_count: int = 0
    without_newest: set[Symbol] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Ingest every symbol of the universe, one transaction each; a failed run keeps what it stored."""
        with self.services.store.transaction() as tx:
            stored = {resolution: tx.market.last_bar_starts_at(resolution) for resolution in FIRST_LOOK_BACK}
        for symbol in self.spec.universe.data:
            self._ingest(symbol, {resolution: newest.get(symbol) for resolution, newest in stored.items()})

    def _ingest(self, symbol: Symbol, newest: dict[Resolution, datetime | None]) -> None:
        if any(last_at is not None and last_at >= self.slot.as_of for last_at in newest.values()):
            return  # An older slot, run again: what is stored goes further.
        fetched: list[tuple[TimeWindow, Resolution, Checked]] = []
        for resolution, last_at in newest.items():
            window = TimeWindow(self._starts_at(resolution, last_at), self.slot.as_of)
            bars = tuple(self.source.bars(symbol, window, resolution))
            fetched.append((window, resolution, self._check(symbol, resolution, window, bars)))
        reason = next((checked.parked_reason for _, _, checked in fetched if checked.parked_reason), None)
        with self.services.store.transaction() as tx:
            for window, resolution, checked in fetched:
                origin = Provenance(
                    source=self.source.name,
                    request=f"{symbol} {resolution} bars from {window.starts_at:%Y-%m-%dT%H:%MZ}",
                    fetched_at=self.services.clock.now(),
                    run_id=self.run_id,
                )
                self.counts += tx.market.add_bars(checked.accepted, origin, checked.rejected)
            was_parked = tx.market.parked().get(symbol, "").startswith(PARKED_BY_BARS)
            if reason is not None:
                tx.market.park(symbol, is_parked=True, reason=PARKED_BY_BARS + reason, at=self.cutoff_at)
            elif was_parked:
                tx.market.park(symbol, is_parked=False, reason="bars are sound again", at=self.cutoff_at)
        self._remember(symbol, fetched, reason)

    def _starts_at(self, resolution: Resolution, last_at: datetime | None) -> datetime:
        """Return where to fetch from: the last stored session again (late bars, revisions), or the first look back."""
        if last_at is None:
            return self.slot.as_of - FIRST_LOOK_BACK[resolution]
        session = self.services.calendar.session(last_at.date())
        return last_at if session is None else session.opens_at

    def _check(self, symbol: Symbol, resolution: Resolution, window: TimeWindow, bars: Sequence[Bar]) -> Checked:
        is_index = self.spec.universe[symbol].kind is InstrumentKind.INDEX
        previous, actions = self._context(symbol, resolution, window)
        expected = self._expected(resolution, window, previous, bars)

        def check(known: Sequence[CorporateAction]) -> Checked:
            return check_bars(
                bars,
                previous=previous,
                actions=known,
                cutoff_at=self.cutoff_at,
                expected=expected,
                jump_factor=INDEX_JUMP_FACTOR if is_index else JUMP_FACTOR,
                trades_shares=not is_index,
            )

        checked = check(actions)
        facts = self.services.sources.fundamentals
        if facts is None or all(fault is not BarFault.JUMP for _, fault in checked.rejected):
            return checked
        # Prices and corporate actions are ingested side by side: the split may not be stored yet.
        announced = TimeWindow(window.starts_at - _ANNOUNCED_BEFORE, self.cutoff_at)
        merged = {(a.kind, a.ex_on): a for a in (*actions, *facts.corporate_actions([symbol], announced))}
        return check(tuple(merged.values()))

    def _context(
        self, symbol: Symbol, resolution: Resolution, window: TimeWindow
    ) -> tuple[tuple[date, float] | None, tuple[CorporateAction, ...]]:
        """Return day and close of the last stored bar before the window, and the symbol's stored actions."""
        with self.services.store.transaction() as tx:
            stored = tx.market.bars(
                [symbol],
                [resolution],
                as_of=window.starts_at,
                cutoff_at=self.cutoff_at,
                since=window.starts_at - _BEFORE,
            ).get((symbol, resolution))
            actions = tuple(a for a in tx.market.actions(cutoff_at=self.cutoff_at) if a.symbol == symbol)
        if stored is None or len(stored) == 0:
            return None, actions
        return (stored.starts_at[-1].astype("datetime64[D]").item(), float(stored.close[-1])), actions

    def _expected(
        self, resolution: Resolution, window: TimeWindow, previous: tuple[date, float] | None, bars: Sequence[Bar]
    ) -> list[TimeWindow]:
        """Return the spans that should be served; a name without any earlier bar is expected from its first one on."""
        sessions = self.services.calendar.sessions(window.starts_at.date(), window.ends_at.date())
        begins_at = window.starts_at
        if previous is None and bars:
            begins_at = max(begins_at, min(bar.starts_at for bar in bars))
        spans = expected_windows(sessions, resolution, through=window.ends_at)
        return [span for span in spans if span.starts_at >= begins_at]

    def _remember(
        self, symbol: Symbol, fetched: Sequence[tuple[TimeWindow, Resolution, Checked]], reason: str | None
    ) -> None:
        for _, resolution, checked in fetched:
            self.missing_count += len(checked.missing)
            self.repeated_count += checked.repeated_count
            self.notes += [
                f"{symbol} {resolution} bar of {bar.starts_at:%Y-%m-%d %H:%M}Z refused: {fault}"
                for bar, fault in checked.rejected[:_NOTED_BARS]
            ]
            newest_at = checked.accepted[-1].ends_at if checked.accepted else None
            if resolution is Resolution.HALF_HOUR and newest_at != self.slot.as_of:
                self.without_newest.add(symbol)
        if reason is not None:
            self.notes.append(f"{symbol} parked: {reason}")
