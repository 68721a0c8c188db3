"""The nightly look at the data itself: the calendar, a second source, corporate actions against prices, completeness.

What it finds are notes, messages and parked symbols. It fails only when a source is away, so that it is tried again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

from trading.analysis.cross_checks import (
    FEWEST_FRAC,
    MAX_DISAGREEMENT_BPS,
    NIGHT_SESSIONS,
    calendar_differences,
    disagreement_bps,
    session_moves,
)
from trading.analysis.jumps import SplitSeen, splits_by_day
from trading.analysis.quality import expected_windows
from trading.domain.gates import Gate, ParkEvent
from trading.domain.instruments import BookId, InstrumentKind, Symbol
from trading.domain.market import Bar, Resolution, Session, SessionNotice, Slot, TimeWindow
from trading.domain.messages import MessageKind
from trading.domain.series import BarSeries
from trading.errors import CircuitOpen, RateLimited
from trading.ports import BarSource, Services, Transaction
from trading.strategy.spec import StrategySpec
from trading.tasks.bar_context import BarContext, read_context
from trading.tasks.facts import session_before
from trading.tasks.gathering import Gathering
from trading.tasks.parking import OF_PRICES, PARKED, gate_events, judge_splits, notes_of, park
from trading.tasks.report import StepReport

ACTOR = "check_data"
AHEAD = timedelta(days=10)
"""How far ahead the calendar is compared with what the exchange's sources announce."""

_COMPARED = (Resolution.HALF_HOUR, Resolution.DAY)
_MEMORY = timedelta(days=15)
_FOUND = "found, and not parked"
_STRIDE = 20
"""How many symbols further each night begins: about as many as a plan with few calls compares in one task."""


def check_data(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Look at the data of the session of `slot` and at what is announced for the days to come.

    Raises:
        TransientError: a source is out of service; what the others say is stored and told.
    """
    night = _Night(services, spec, book, slot)
    night.run()
    night.gathering.conclude()
    counts = {"calendar_differences": night.calendar_differences, "bars_missing": night.missing_count}
    for gate in () if night.is_old else Gate:
        if count := sum(gate in gates for gates in night.raised.values()):
            counts[f"parked_{gate}"] = count
    found = notes_of(night.raised, verb=_FOUND if night.is_old else PARKED)
    notes = (*night.gathering.notes, *night.notes, *found)
    return StepReport("check_data", counts, notes)


@dataclass
class _Night:
    """One nightly look, and what it found so far.

    Attributes:
        judged: gates of each symbol that this look could have closed.
        is_old: whether a later session began: an old night run again tells what it finds and changes nothing, because
            gates, and what sources announce, are about now.
    """

    services: Services
    spec: StrategySpec
    book: BookId
    slot: Slot
    gathering: Gathering = field(default_factory=Gathering)
    notes: list[str] = field(default_factory=list)
    raised: dict[Symbol, dict[Gate, str]] = field(default_factory=lambda: defaultdict(dict))
    judged: dict[Symbol, set[Gate]] = field(default_factory=lambda: defaultdict(set))
    calendar_differences: int = 0
    missing_count: int = 0
    _spent: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.at = self.services.clock.now()
        next_opens_at = self.services.calendar.next_session(self.slot.session_on).opens_at
        self.is_old = self.at >= next_opens_at
        self.as_of = min(self.at, next_opens_at)

    def run(self) -> None:
        """Look at everything; each part says so where it has nothing to compare with."""
        symbols = self.spec.universe.data
        if self.is_old:
            self.notes.append(f"the night of {self.slot.session_on} is over: what it finds is told and parks nothing")
        else:
            self._calendar()
        with self.services.store.transaction() as tx:
            context = read_context(tx, symbols, _COMPARED, as_of=self.as_of, cutoff_at=self.at)
            days = tx.market.bars(
                symbols, (Resolution.DAY,), as_of=self.as_of, cutoff_at=self.at, since=self._since(context)
            )
        for symbol in symbols:
            self._completeness(context, symbol)
        self._second_source(context)
        splits = [seen for symbol in symbols for seen in self._prices(context, days, symbol)]
        if self.is_old:
            return
        with self.services.store.transaction() as tx:
            judge_splits(tx, splits, at=self.at)
            park(tx, self.book, list(self._events(context)))

    def _events(self, context: BarContext) -> Iterator[ParkEvent]:
        for symbol in self.spec.universe.data:
            held, raised = context.parked.get(symbol, ()), self.raised.get(symbol, {})
            # The ingest may open BARS_MISSING by day; the night opens only what it closed itself.
            own = [p for p in held if p.actor == ACTOR]
            yield from gate_events(symbol, raised, own, judged=self.judged[symbol], actor=ACTOR, at=self.at)

    # --- the calendar -----------------------------------------------------------------------------

    def _calendar(self) -> None:
        """Compare the coming days with each source's notices; entries go by the stricter of the two."""
        sources = self.services.sources.holidays
        if not sources:
            self.notes.append("no source of holidays: the calendar was not compared")
        first_on = self.slot.session_on + timedelta(days=1)
        last_on = self.slot.session_on + AHEAD
        sessions = {s.session_on: s for s in self.services.calendar.sessions(first_on, last_on)}
        for source in sources:
            told = self.gathering.ask(source.name, "no notices of holidays", source.upcoming)
            if told is None:
                continue
            notices = {notice.on: notice for notice in told if first_on <= notice.on <= last_on}
            differing = calendar_differences(sessions, notices, first_on, last_on)
            with self.services.store.transaction() as tx:
                self._keep(tx, source.name, notices, differing, first_on)
            self.calendar_differences += len(differing)
            self.notes += differing.values()

    def _keep(
        self,
        tx: Transaction,
        source: str,
        notices: Mapping[date, SessionNotice],
        differing: Mapping[date, str],
        first_on: date,
    ) -> None:
        """Store what contradicts the calendar, take back what no longer does, and tell each once."""
        for on, text in differing.items():
            if on in notices:
                tx.market.add_session_notice(source, notices[on], known_at=self.at)
            self._tell(tx, f"calendar:{source}:{on}:{text}", f"{source}: {text}")
        for name, notice in tx.market.session_notices(first_on=first_on, cutoff_at=self.at):
            if name == source and notice.on <= self.slot.session_on + AHEAD and notice.on not in differing:
                tx.market.add_session_notice(source, notice, known_at=self.at, is_in_force=False)
                text = f"{notice.on} is as in the calendar again"
                self.notes.append(f"{source}: {text}")
                self._tell(tx, f"calendar:{source}:{notice.on}:again:{self.at:%Y-%m-%d}", f"{source}: {text}")

    def _tell(self, tx: Transaction, key: str, text: str) -> None:
        body = f"{self.book.badge} {self.book}: {text}"
        tx.controls.notify(dedupe_key=f"{key}:{self.book}", book=self.book, kind=MessageKind.CALENDAR, body=body)

    # --- completeness -----------------------------------------------------------------------------

    def _completeness(self, context: BarContext, symbol: Symbol) -> None:
        """Compare expected bars with stored ones: the session's half hours, and the day before, which is in by now."""
        today = self._session()
        before = session_before(self.services.calendar, today.session_on)
        for resolution, session in ((Resolution.HALF_HOUR, today), (Resolution.DAY, before)):
            served = self.services.sources.bars_for(symbol, resolution, self.at)
            if served is None or served[1] < session.closes_at or symbol not in context.newest[resolution]:
                continue
            expected = {span.starts_at for span in expected_windows([session], resolution, through=session.closes_at)}
            stored = expected & set(context.prices_from(symbol, resolution, session.opens_at))
            self.judged[symbol].add(Gate.BARS_MISSING)
            if max(expected) not in stored or len(stored) < FEWEST_FRAC * len(expected):
                counted = f"{len(stored)} of {len(expected)} {resolution} bars of {session.session_on}"
                self.raised[symbol][Gate.BARS_MISSING] = counted
            self.missing_count += len(expected) - len(stored)

    # --- a second source --------------------------------------------------------------------------

    def _second_source(self, context: BarContext) -> None:
        compared = 0
        symbols = self.spec.universe.data
        first = self.slot.session_on.toordinal() * _STRIDE % len(symbols)
        for symbol in (*symbols[first:], *symbols[:first]):
            for resolution in self._order(symbol):
                others = self.services.sources.others_for(symbol, resolution, self.at)
                if others and self._agree(context, symbol, resolution, *others[0]):
                    compared += 1
                    break
        if self._spent:
            self.notes.append(
                f"closes of {compared} of {len(symbols)} symbols were compared; other nights begin elsewhere"
            )
        elif not compared:
            self.notes.append("no second source of bars answered for any symbol: closes were not compared")

    def _order(self, symbol: Symbol) -> Sequence[Resolution]:
        """Return half hours first, because prices are theirs; days first where a plan does not show the session yet.

        Such a plan has few calls, and one reply that holds the day of every symbol.
        """
        others = self.services.sources.others_for(symbol, Resolution.HALF_HOUR, self.at)
        is_of_today = bool(others) and others[0][1] >= self._session().closes_at
        return _COMPARED if is_of_today else _COMPARED[::-1]

    def _agree(
        self, context: BarContext, symbol: Symbol, resolution: Resolution, source: BarSource, until: datetime
    ) -> bool:
        """Compare the last close that both have; return whether there was one."""
        ends_at = min(until, self._session().closes_at)
        session = self.services.calendar.sessions((ends_at - _MEMORY).date(), ends_at.date())[-1]
        starts = [s.starts_at for s in expected_windows([session], resolution, through=ends_at)]
        prices = context.prices_from(symbol, resolution, session.opens_at)
        starts_at = max((at for at in starts if at in prices), default=None)
        if starts_at is None:
            return False
        ask = partial(source.bars, symbol, TimeWindow(starts_at, ends_at), resolution)
        bars = self._ask(source, f"no {resolution} bar of {symbol}", ask)
        theirs = next((bar.close for bar in bars or () if bar.starts_at == starts_at), None)
        if theirs is None:
            return False
        *_, ours = prices[starts_at]
        bps = disagreement_bps(ours, theirs)
        self.judged[symbol].add(Gate.DISAGREEMENT)
        if bps is None or bps > MAX_DISAGREEMENT_BPS:
            seen = f"close of {starts_at:%Y-%m-%d %H:%M}Z: stored {ours:g}, {source.name} {theirs:g}"
            self.raised[symbol][Gate.DISAGREEMENT] = seen
        return True

    def _ask(self, source: BarSource, about: str, ask: Callable[[], Iterable[Bar]]) -> tuple[Bar, ...] | None:
        """Return a second source's bars, or None; calls or time that are used up end its part of the night."""
        if source.name in self._spent:
            return None

        def within_limits() -> Iterable[Bar]:
            try:
                return tuple(ask())
            except CircuitOpen:
                raise  # An outage, not a limit.
            except RateLimited as error:
                self._spent.add(source.name)
                self.notes.append(f"{about}, and no more from {source.name} tonight: {error}")
                return ()

        return self.gathering.ask(source.name, about, within_limits)

    # --- prices and corporate actions ---------------------------------------------------------------

    def _since(self, context: BarContext) -> datetime:
        """Return from where stored days are read: the last sessions, and what the night parked for before them."""
        held = [p.since for gates in context.parked.values() for p in gates if p.gate in OF_PRICES and p.actor == ACTOR]
        return min((*held, self.as_of)) - _MEMORY

    def _prices(
        self, context: BarContext, days: Mapping[tuple[Symbol, Resolution], BarSeries], symbol: Symbol
    ) -> tuple[SplitSeen, ...]:
        """Hold the newest stored days against the splits; return what they say about them."""
        series = days.get((symbol, Resolution.DAY))
        if series is None or self.spec.universe[symbol].kind is InstrumentKind.INDEX:
            return ()
        self.judged[symbol] |= OF_PRICES
        splits = splits_by_day([a for a in context.actions.get(symbol, ()) if not context.is_denied(a)])
        moves = session_moves(
            series, splits, first_on=self._first_judged(context, symbol), settled=context.settled(symbol)
        )
        if (jump := moves.unexplained(believed_until=context.believed.get(symbol))) is not None:
            self.raised[symbol][Gate.JUMP_WITHOUT_SPLIT] = jump
        if (doubted := moves.doubted()) is not None:
            self.raised[symbol][Gate.SPLIT_WITHOUT_JUMP] = doubted.detail
        elif (left := context.undecided(symbol, self.slot.session_on, moves.splits)) is not None:
            self.raised[symbol][Gate.SPLIT_WITHOUT_JUMP] = f"split of {left.ex_on}: {left.detail}"
        return moves.splits

    def _first_judged(self, context: BarContext, symbol: Symbol) -> date:
        sessions = self.services.calendar.sessions(self.slot.session_on - timedelta(days=30), self.slot.session_on)
        recent = sessions[-NIGHT_SESSIONS:][0].session_on
        own = [p.since.date() for p in context.parked.get(symbol, ()) if p.gate in OF_PRICES and p.actor == ACTOR]
        return min([recent, *(on - timedelta(days=7) for on in own)])

    def _session(self) -> Session:
        session = self.services.calendar.session(self.slot.session_on)
        assert session is not None, "a slot lies in a session"
        return session
