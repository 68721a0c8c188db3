"""Two ways through the hours of a replay: from event to event, and hour by hour. Both end in the same book."""

from __future__ import annotations

import numpy as np

from trading.analysis.facts import utc64
from trading.domain.instruments import Symbol
from trading.domain.records import changed
from trading.engine.arrival import Market, before_hour, morning
from trading.engine.close_watch import CloseWatch
from trading.engine.corporate import Dividend
from trading.engine.expiry import without_expired
from trading.engine.express import Express, is_plain, plan_of
from trading.engine.hours import Hours
from trading.engine.logbook import Logbook
from trading.engine.lookout import NOTHING, Lookout, Stretch
from trading.engine.market import Traffic, run_bars
from trading.engine.settlement import with_proceeds
from trading.engine.state import BookState, Hour, Step
from trading.engine.step import Gate
from trading.engine.tape import Tape
from trading.engine.tracks import Tracks
from trading.engine.watch import PositionWatch, Watch
from trading.strategy.spec import StrategySpec


class Stepping:
    """Steps every hour."""

    def __init__(self, spec: StrategySpec, hours: Hours, market: Market, gate: Gate) -> None:
        self._market, self._last_cutoff_at = market, hours.timeline.sessions[0].opens_at
        self.lookout = Lookout(spec, hours, CloseWatch(hours.panel, spec.protection), gate, {})

    def arrive(self, state: BookState, hour: Hour, traffic: Traffic) -> tuple[BookState, tuple[Dividend, ...]]:
        """Return the book as the hour finds it."""
        after, self._last_cutoff_at = self._last_cutoff_at, hour.cutoff_at
        return before_hour(state, hour, self._market, after, traffic)

    def decided(self, taken: Step, row: int) -> BookState:
        """Return the book that the orders go to."""
        return taken.state

    def ahead(self, state: BookState, seen: int, first: int) -> tuple[BookState, int, Stretch]:
        """Return the book before the next hour to step, that hour, and what passed until then."""
        return state, first, NOTHING

    def ride(self, state: BookState, row: int, log: Logbook) -> tuple[BookState, int, bool]:
        """Return the book before the next hour to step, that hour, and whether it has arrived."""
        return state, row, False

    def landed(self, state: BookState) -> BookState:
        """Return the book after the last hour."""
        return state


class Jumping:
    """Steps the hours in which something may happen; a position between two events is brought up to date when due."""

    def __init__(self, spec: StrategySpec, hours: Hours, market: Market, gate: Gate) -> None:
        self._market, self._hours, panel = market, hours, hours.panel
        self._tracks = tracks_of(hours, market.tape)
        self._watch: PositionWatch = Watch(self._tracks) if market.by_highs else CloseWatch(panel, spec.protection)
        self._acting = _acting(hours, market)
        rows: dict[Symbol, list[int]] = {}
        for row, symbols in self._acting.items():
            for symbol in symbols:
                rows.setdefault(symbol, []).append(row)
        self.lookout = Lookout(spec, hours, self._watch, gate, rows)
        self._express: Express | None = None
        if is_plain(spec, hours):
            plan = plan_of(spec, hours, market, gate, self.lookout)
            self._express = Express(plan, market, self.lookout, self._watch, rows)

    def arrive(self, state: BookState, hour: Hour, traffic: Traffic) -> tuple[BookState, tuple[Dividend, ...]]:
        """Return the book as the hour finds it: only what may have happened to it is looked at."""
        row, held = hour.row, state.portfolio.positions
        busy = {o.symbol for o in state.working if not o.is_protective}
        due = {*self._watch.due(row), *(s for s in self._acting.get(row, ()) if s in held)}
        if due:
            state = self._watch.settled(state, due, row)
        state, dividends = morning(state, hour, self._market, traffic)
        stirred = busy
        if self._market.by_highs:
            stirred = busy | due | {s for s in held if not self._watch.watches(s)}
        if stirred:
            bars = self._market.tape.bars({s: self._tracks.arriving(s, row) for s in sorted(stirred)})
            state = run_bars(state, bars, self._market.costs, traffic, by_highs=self._market.by_highs)
        state = with_proceeds(state, traffic.bookings, self._market.settles_on, hour.slot.session_on)
        if busy:
            tape = self._market.tape
            state = without_expired(state, hour.cutoff_at, tape, traffic, closes_at=hour.closes_at)
        return state, dividends

    def decided(self, taken: Step, row: int) -> BookState:
        """Return the book that the orders go to; what is sold, or topped up, is looked at bar by bar from now on."""
        held = taken.state.portfolio.positions
        moved = {o.symbol for o in taken.orders if not o.is_protective and o.symbol in held}
        return self._watch.settled(taken.state, moved, row + 1) if moved else taken.state

    def ahead(self, state: BookState, seen: int, first: int) -> tuple[BookState, int, Stretch]:
        """Return the book before the next hour in which something may happen, that hour, and what passed until then."""
        return self.lookout.ahead(state, seen, first)

    def ride(self, state: BookState, row: int, log: Logbook) -> tuple[BookState, int, bool]:
        """Return the book before the next hour to step, that hour, and whether it has arrived."""
        if self._express is None or not self._express.takes(state, row):
            return state, row, False
        state, row, has_arrived, done = self._express.ride(state, row, log.maker)
        if done.nav_usd or has_arrived:
            log.rode(done, state)
        return state, row, has_arrived

    def landed(self, state: BookState) -> BookState:
        """Return the book after the last hour."""
        last = self._hours.hour(len(self._hours) - 1)
        self._watch.look(state, last.row, last.row + 1)
        state = self._watch.settled(state, list(state.portfolio.positions), len(self._hours))
        state, _ = morning(state, changed(last, is_first_of_session=False), self._market, Traffic(events=None))
        state = with_proceeds(state, (), {}, last.slot.session_on)
        return changed(state, portfolio=changed(state.portfolio, as_of=last.slot.as_of))


def tracks_of(hours: Hours, tape: Tape) -> Tracks:
    """Return the tape by the hours of a replay."""
    return Tracks(tape, hours.panel, hours.times.cutoff_at, utc64(hours.timeline.sessions[0].opens_at))


def _acting(hours: Hours, market: Market) -> dict[int, frozenset[Symbol]]:
    """Return the symbols with a split or dividend in the morning of an hour, ascending by hour."""
    grid = hours.timeline.grid
    firsts = np.flatnonzero(grid.number == 0).tolist()
    rows = {session.session_on: row for session, row in zip(hours.timeline.sessions, firsts, strict=True)}
    return {
        rows[on]: frozenset(action.symbol for action in actions)
        for on, actions in sorted(market.actions_on.items())
        if on in rows
    }
