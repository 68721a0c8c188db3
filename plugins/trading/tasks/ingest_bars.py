"""One symbol's bars, from the source through the quality walls into the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

from trading.analysis.quality import INDEX_JUMP_FACTOR, JUMP_FACTOR, Checked, check_bars, expected_windows
from trading.domain.instruments import InstrumentKind, Symbol
from trading.domain.market import Bar, BarFault, CorporateAction, Resolution, Slot, TimeWindow
from trading.ports import BarSource, IngestCounts, Provenance, Services, Transaction
from trading.strategy.spec import StrategySpec
from trading.tasks.gathering import Gathering

FIRST_LOOK_BACK = {Resolution.DAY: timedelta(days=4 * 365), Resolution.HALF_HOUR: timedelta(days=190)}
"""How far the first ingest reaches: days feed the indicators, half hours only prices and marks."""

PARKED_BY_BARS = "bars: "
"""Prefix of the reasons that the ingest parks for, and the only ones that it releases."""

_ANNOUNCED_BEFORE = timedelta(days=120)
_BEFORE = timedelta(days=15)
_NOTED_BARS = 3
_HALF_HOUR = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class _Delivery:
    """What one source said about one resolution of a symbol.

    Attributes:
        checked: None when it did not answer, or was not asked because all it has is stored.
        is_complete: whether all that the source can have by now is stored already.
    """

    source: BarSource
    window: TimeWindow
    resolution: Resolution
    checked: Checked | None
    is_complete: bool = False

    @property
    def ends_at(self) -> datetime | None:
        """End of the newest usable bar."""
        return self.checked.accepted[-1].ends_at if self.checked is not None and self.checked.accepted else None

    @property
    def has_newest(self) -> bool:
        """Whether no bar is missing behind the newest usable one."""
        if self.checked is None or not self.checked.accepted:
            return False
        return not self.checked.missing or self.checked.missing[-1] < self.checked.accepted[-1].starts_at


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
    run_id: str
    gathering: Gathering = field(default_factory=Gathering)
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
        self.gathering.conclude()

    def _ingest(self, symbol: Symbol, newest: dict[Resolution, datetime | None]) -> None:
        if any(last_at is not None and last_at >= self.slot.as_of for last_at in newest.values()):
            return  # An older slot, run again: what is stored goes further.
        fetched = [
            delivery
            for resolution, last_at in newest.items()
            if (delivery := self._fetch(symbol, resolution, last_at)) is not None
        ]
        answered = [delivery for delivery in fetched if delivery.checked is not None]
        reason = next((d.checked.parked_reason for d in answered if d.checked and d.checked.parked_reason), None)
        if not self._is_fresh(fetched):
            self.without_newest.add(symbol)
        if not answered:
            return
        with self.services.store.transaction() as tx:
            for delivery in answered:
                self.counts += self._add(tx, symbol, delivery)
            was_parked = tx.market.parked().get(symbol, "").startswith(PARKED_BY_BARS)
            if reason is not None:
                tx.market.park(symbol, is_parked=True, reason=PARKED_BY_BARS + reason, at=self.cutoff_at)
            elif was_parked:
                tx.market.park(symbol, is_parked=False, reason="bars are sound again", at=self.cutoff_at)
        self._remember(symbol, answered, reason)

    def _fetch(self, symbol: Symbol, resolution: Resolution, last_at: datetime | None) -> _Delivery | None:
        """Return what became of asking for the bars of one resolution; None where no source serves it."""
        served = self.services.sources.bars_for(symbol, resolution, self.slot.as_of)
        if served is None:
            return None
        source, until = served
        window = TimeWindow(self._starts_at(resolution, last_at), min(until, self.slot.as_of))
        if until < self.slot.as_of and last_at is not None and self._ends_at(resolution, last_at) >= until:
            return _Delivery(source, window, resolution, None, is_complete=True)
        ask = partial(source.bars, symbol, window, resolution)
        bars = self.gathering.ask(source.name, f"no {resolution} bars of {symbol}", ask)
        checked = None if bars is None else self._check(symbol, resolution, window, bars)
        return _Delivery(source, window, resolution, checked)

    def _add(self, tx: Transaction, symbol: Symbol, delivery: _Delivery) -> IngestCounts:
        if delivery.checked is None:
            return IngestCounts()
        origin = Provenance(
            source=delivery.source.name,
            request=f"{symbol} {delivery.resolution} bars from {delivery.window.starts_at:%Y-%m-%dT%H:%MZ}",
            fetched_at=self.services.clock.now(),
            run_id=self.run_id,
        )
        return tx.market.add_bars(delivery.checked.accepted, origin, delivery.checked.rejected)

    def _is_fresh(self, fetched: Sequence[_Delivery]) -> bool:
        """Whether the newest bar arrived: the half hour that ends now, or the newest day where days are the price."""
        half_hours = [d for d in fetched if d.resolution is Resolution.HALF_HOUR]
        if any(d.ends_at == self.slot.as_of for d in half_hours):
            return True
        days = [d for d in fetched if d.resolution is Resolution.DAY]
        priced_by_days = not half_hours or self.services.daily_pricing
        return priced_by_days and any(d.is_complete or d.has_newest for d in days)

    def _starts_at(self, resolution: Resolution, last_at: datetime | None) -> datetime:
        """Return where to fetch from: the last stored session again (late bars, revisions), or the first look back."""
        if last_at is None:
            return self.slot.as_of - FIRST_LOOK_BACK[resolution]
        session = self.services.calendar.session(last_at.date())
        return last_at if session is None else session.opens_at

    def _ends_at(self, resolution: Resolution, starts_at: datetime) -> datetime:
        session = self.services.calendar.session(starts_at.date())
        is_day = resolution is Resolution.DAY and session is not None
        return session.closes_at if session is not None and is_day else starts_at + _HALF_HOUR

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
        if all(fault is not BarFault.JUMP for _, fault in checked.rejected):
            return checked
        # Prices and corporate actions are ingested side by side: the split may not be stored yet.
        announced = TimeWindow(window.starts_at - _ANNOUNCED_BEFORE, self.cutoff_at)
        merged = {(a.kind, a.ex_on): a for a in actions}
        for source in self.services.sources.actions:
            ask = partial(source.corporate_actions, [symbol], announced)
            rows = self.gathering.ask(source.name, f"no splits of {symbol}", ask)
            merged |= {(a.kind, a.ex_on): a for a in rows or ()}
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

    def _remember(self, symbol: Symbol, answered: Sequence[_Delivery], reason: str | None) -> None:
        for delivery in answered:
            if delivery.checked is None:
                continue
            self.missing_count += len(delivery.checked.missing)
            self.repeated_count += delivery.checked.repeated_count
            self.notes += [
                f"{symbol} {delivery.resolution} bar of {bar.starts_at:%Y-%m-%d %H:%M}Z refused: {fault}"
                for bar, fault in delivery.checked.rejected[:_NOTED_BARS]
            ]
        if reason is not None:
            self.notes.append(f"{symbol} parked: {reason}")
