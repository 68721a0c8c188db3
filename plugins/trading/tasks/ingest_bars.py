"""Bars of every symbol, from the sources through the quality walls into the store.

What is stored already is read once for all symbols; what arrives is written by batches, each a transaction, so that an
hour of hundreds of symbols costs a few dozen questions and a run that breaks off keeps what it stored. The verdicts are
those of each symbol alone. Gates close and open in one transaction at the end, with the messages about them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from itertools import batched

from trading.analysis.gates import is_fresh, stale_gate
from trading.analysis.jumps import SplitSeen
from trading.analysis.quality import INDEX_JUMP_FACTOR, JUMP_FACTOR, Checked, check_bars, expected_windows
from trading.domain.gates import Gate, ParkEvent
from trading.domain.instruments import BookId, InstrumentKind, Symbol
from trading.domain.market import Bar, BarFault, CorporateAction, Resolution, Slot, TimeWindow
from trading.ports import BarSource, IngestCounts, Provenance, Services, Transaction
from trading.strategy.spec import StrategySpec
from trading.tasks.asking_ahead import AskingAhead, Question, asking_ahead
from trading.tasks.bar_context import BarContext, read_context
from trading.tasks.facts import session_before
from trading.tasks.gathering import Gathering
from trading.tasks.parking import gate_events, judge_splits, notes_of, park

FIRST_LOOK_BACK = {Resolution.DAY: timedelta(days=4 * 365), Resolution.HALF_HOUR: timedelta(days=190)}
"""How far the first ingest reaches: days feed the indicators, half hours only prices and marks."""

BATCH = 50
"""Symbols whose bars are one transaction."""

ACTOR = "ingest_prices"
JUDGED = frozenset(Gate) - {Gate.DISAGREEMENT}
"""Gates that an ingest may open, where every source of the symbol answered that had something new."""
JUDGED_BY_ABSENCE = frozenset({Gate.BARS_MISSING, Gate.EMPTY_SESSION, Gate.STALE, Gate.LEGACY})
"""Gates that it may open where nothing had to be asked, because all that is due is stored."""

_ANNOUNCED_BEFORE = timedelta(days=120)
_NOTED_BARS = 3
_HALF_HOUR = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class _Delivery:
    """What one source said about one resolution of a symbol.

    Attributes:
        due: spans that it should have delivered by now.
        checked: None when it did not answer, or was not asked because all it has is stored.
        is_complete: whether all that the source can have by now is stored already.
    """

    source: BarSource
    window: TimeWindow
    resolution: Resolution
    due: Sequence[TimeWindow]
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
        raised: the gates that each symbol's bars close, with what was seen.
    """

    services: Services
    spec: StrategySpec
    book: BookId
    slot: Slot
    cutoff_at: datetime
    run_id: str
    gathering: Gathering = field(default_factory=Gathering)
    counts: IngestCounts = field(default_factory=IngestCounts)
    missing_count: int = 0
    repeated_count: int = 0
    without_newest: set[Symbol] = field(default_factory=set)
    raised: dict[Symbol, dict[Gate, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _judged: dict[Symbol, frozenset[Gate]] = field(default_factory=dict)
    _traded: set[Symbol] = field(default_factory=set)
    _absent: set[Symbol] = field(default_factory=set)
    _splits: list[SplitSeen] = field(default_factory=list)
    _has_gap: bool = False
    _ahead: AskingAhead = field(init=False)
    _spans: dict[tuple[Resolution, TimeWindow], list[TimeWindow]] = field(default_factory=dict)

    def run(self) -> None:
        """Ingest every symbol of the universe, one transaction a batch; a failed run keeps what it stored."""
        symbols = self.spec.universe.data
        with self.services.store.transaction() as tx:
            context = read_context(tx, symbols, tuple(FIRST_LOOK_BACK), as_of=self.slot.as_of, cutoff_at=self.cutoff_at)
        try:
            with asking_ahead(self.services.sources) as ahead:
                self._ahead = ahead
                for batch in batched(symbols, BATCH):
                    self._ingest(context, batch)
        finally:
            self._park(context)
        self.gathering.conclude(is_covered=not self._has_gap)

    def _ingest(self, context: BarContext, symbols: Sequence[Symbol]) -> None:
        answered: list[tuple[Symbol, _Delivery, Checked]] = []
        wanted = [symbol for symbol in symbols if not self._is_older(context, symbol)]
        self._ahead.ask(list(self._first_questions(context, wanted)))
        for symbol in wanted:
            fetched = [d for r in context.newest if (d := self._fetch(context, symbol, r)) is not None]
            if not self._is_fresh(fetched):
                self.without_newest.add(symbol)
            self._judge(context, symbol, fetched)
            answered += [(symbol, d, d.checked) for d in fetched if d.checked is not None]
        if not answered:
            return
        with self.services.store.transaction() as tx:
            self._add(tx, answered)
        for symbol, delivery, checked in answered:
            self._remember(symbol, delivery, checked)

    def _is_older(self, context: BarContext, symbol: Symbol) -> bool:
        """Whether this is an older slot, run again: what is stored goes further."""
        newest = [of_resolution.get(symbol) for of_resolution in context.newest.values()]
        return any(last_at is not None and last_at >= self.slot.as_of for last_at in newest)

    def _first_questions(self, context: BarContext, symbols: Sequence[Symbol]) -> Iterator[Question]:
        """Yield what the first source of each symbol and resolution will be asked, unless it is out of service."""
        for symbol in symbols:
            for resolution in context.newest:
                served = self.services.sources.bars_for(symbol, resolution, self.slot.as_of)
                if served is None or self.gathering.is_left_alone(served[0].name):
                    continue
                if not self._has_all(context, symbol, resolution, served[1]):
                    yield self._question(context, symbol, resolution, *served)

    def _question(
        self, context: BarContext, symbol: Symbol, resolution: Resolution, source: BarSource, until: datetime
    ) -> Question:
        last_at = context.newest[resolution].get(symbol)
        window = TimeWindow(self._starts_at(resolution, last_at), min(until, self.slot.as_of))
        return Question(source, symbol, window, resolution)

    def _has_all(self, context: BarContext, symbol: Symbol, resolution: Resolution, until: datetime) -> bool:
        """Whether all that a source can have by now is stored."""
        last_at = context.newest[resolution].get(symbol)
        return until < self.slot.as_of and last_at is not None and self._ends_at(resolution, last_at) >= until

    def _fetch(self, context: BarContext, symbol: Symbol, resolution: Resolution) -> _Delivery | None:
        """Return what became of asking for the bars of one resolution; None where no source serves it.

        Where the first source does not answer, the next one that reaches as far is asked in the same run.
        """
        first: _Delivery | None = None
        for source, until in self.services.sources.stand_ins(symbol, resolution, self.slot.as_of):
            delivery = self._ask(context, symbol, resolution, source, until)
            first = first or delivery
            if delivery.is_complete or delivery.checked is not None:
                return delivery
        self._has_gap = self._has_gap or first is not None
        return first

    def _ask(
        self, context: BarContext, symbol: Symbol, resolution: Resolution, source: BarSource, until: datetime
    ) -> _Delivery:
        question = self._question(context, symbol, resolution, source, until)
        window = question.window
        if self._has_all(context, symbol, resolution, until):
            return _Delivery(source, window, resolution, (), None, is_complete=True)
        bars = self.gathering.ask(source.name, f"no {resolution} bars of {symbol}", self._ahead.answer(question))
        if self.gathering.is_left_alone(source.name):
            self._ahead.forget(source.name)
        previous = context.close_before(symbol, resolution, window.starts_at)
        expected = self._expected(resolution, window, previous, bars or ())
        due = [s for s in expected if resolution is not Resolution.DAY or s.starts_at.date() < self.slot.session_on]
        checked = None if bars is None else self._check(context, symbol, resolution, window, bars, expected, due)
        return _Delivery(source, window, resolution, due, checked)

    def _judge(self, context: BarContext, symbol: Symbol, fetched: Sequence[_Delivery]) -> None:
        """Note which gates the symbol's deliveries close, and which they could have closed."""
        raised: dict[Gate, str] = {}
        for delivery in fetched:
            if delivery.checked is not None:
                raised = {**delivery.checked.gates, **raised}
                self._splits += delivery.checked.splits
            known = (delivery.ends_at, context.newest_ends_at(symbol, delivery.resolution))
            newest_ends_at = max((at for at in known if at is not None), default=None)
            raised = {**stale_gate(delivery.resolution, newest_ends_at, delivery.due), **raised}
        if (left := context.undecided(symbol, self.slot.session_on, self._splits)) is not None:
            raised.setdefault(Gate.SPLIT_WITHOUT_JUMP, f"split of {left.ex_on}: {left.detail}")
        self.raised[symbol] = raised
        if self._trades_shares(symbol):
            self._note_trade(symbol, [d for d in fetched if d.resolution is Resolution.HALF_HOUR])
        if not fetched:
            self._judged[symbol] = JUDGED_BY_ABSENCE if self._is_stored_fresh(context, symbol) else frozenset()
        elif not all(d.is_complete or d.checked is not None for d in fetched):
            self._judged[symbol] = frozenset()
        else:
            self._judged[symbol] = JUDGED if any(d.checked is not None for d in fetched) else JUDGED_BY_ABSENCE

    def _is_stored_fresh(self, context: BarContext, symbol: Symbol) -> bool:
        """Return whether what is stored of a symbol that no source serves is as new as prices have to be."""
        ends_at = {resolution: context.newest_ends_at(symbol, resolution) for resolution in context.newest}
        newest = {resolution: at for resolution, at in ends_at.items() if at is not None}
        day_due_at = session_before(self.services.calendar, self.slot.session_on).closes_at
        return is_fresh(newest, as_of=self.slot.as_of, day_due_at=day_due_at)

    def _note_trade(self, symbol: Symbol, half_hours: Sequence[_Delivery]) -> None:
        """Note whether the symbol has the half hour that ends now, or should have it and has not."""
        if any(d.ends_at == self.slot.as_of for d in half_hours):
            self._traded.add(symbol)
        elif any(d.checked is not None and Gate.BARS_MISSING in d.checked.gates for d in half_hours):
            self._absent.add(symbol)

    def _park(self, context: BarContext) -> None:
        """Close and open gates, and tell it, in one transaction; nothing is asked where nothing changes."""
        for symbol in self._absent if self._traded else ():
            seen = self.raised[symbol].pop(Gate.BARS_MISSING)
            self.raised[symbol][Gate.HALTED] = f"{seen}; others that traded: {len(self._traded)}"
        events: list[ParkEvent] = []
        for symbol, judged in self._judged.items():
            held = context.parked.get(symbol, ())
            events += gate_events(symbol, self.raised[symbol], held, judged=judged, actor=ACTOR, at=self.cutoff_at)
        if events or self._splits:
            with self.services.store.transaction() as tx:
                judge_splits(tx, self._splits, at=self.cutoff_at)
                park(tx, self.book, events)
        self.notes += notes_of(self.raised)

    def _add(self, tx: Transaction, answered: Sequence[tuple[Symbol, _Delivery, Checked]]) -> None:
        """Store what arrived: one delivery a source."""
        by_source: dict[str, list[tuple[Symbol, _Delivery, Checked]]] = defaultdict(list)
        for entry in answered:
            by_source[entry[1].source.name].append(entry)
        for name, entries in by_source.items():
            symbols = list(dict.fromkeys(symbol for symbol, _, _ in entries))
            starts_at = min(delivery.window.starts_at for _, delivery, _ in entries)
            request = f"bars of {', '.join(symbols)} from {starts_at:%Y-%m-%dT%H:%MZ}"
            origin = Provenance(name, request, self.services.clock.now(), self.run_id)
            accepted = [bar for _, _, checked in entries for bar in checked.accepted]
            rejected = [pair for _, _, checked in entries for pair in checked.rejected]
            self.counts += tx.market.add_bars(accepted, origin, rejected)

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

    def _check(
        self,
        context: BarContext,
        symbol: Symbol,
        resolution: Resolution,
        window: TimeWindow,
        bars: Sequence[Bar],
        expected: Sequence[TimeWindow],
        due: Sequence[TimeWindow],
    ) -> Checked:
        is_index = not self._trades_shares(symbol)
        actions = context.actions.get(symbol, ())

        def check(known: Sequence[CorporateAction]) -> Checked:
            return check_bars(
                bars,
                previous=context.close_before(symbol, resolution, window.starts_at),
                actions=[action for action in known if not context.is_denied(action)],
                cutoff_at=self.cutoff_at,
                expected=expected,
                due=due,
                stored=context.prices_from(symbol, resolution, window.starts_at),
                jump_factor=INDEX_JUMP_FACTOR if is_index else JUMP_FACTOR,
                trades_shares=not is_index,
                doubts_splits=True,
                believed_until=context.believed.get(symbol),
                settled=context.settled(symbol),
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

    def _trades_shares(self, symbol: Symbol) -> bool:
        return self.spec.universe[symbol].kind is not InstrumentKind.INDEX

    def _expected(
        self, resolution: Resolution, window: TimeWindow, previous: tuple[date, float] | None, bars: Sequence[Bar]
    ) -> list[TimeWindow]:
        """Return the spans that should be served; a name without any earlier bar is expected from its first one on."""
        key = (resolution, window)
        if key not in self._spans:
            sessions = self.services.calendar.sessions(window.starts_at.date(), window.ends_at.date())
            spans = expected_windows(sessions, resolution, through=window.ends_at)
            self._spans[key] = [span for span in spans if span.starts_at >= window.starts_at]
        if previous is not None or not bars:
            return self._spans[key]
        first_at = min(bar.starts_at for bar in bars)
        return [span for span in self._spans[key] if span.starts_at >= first_at]

    def _remember(self, symbol: Symbol, delivery: _Delivery, checked: Checked) -> None:
        self.missing_count += len(checked.missing)
        self.repeated_count += checked.repeated_count
        self.notes += [
            f"{symbol} {delivery.resolution} bar of {bar.starts_at:%Y-%m-%d %H:%M}Z refused: {fault}"
            for bar, fault in checked.rejected[:_NOTED_BARS]
        ]
