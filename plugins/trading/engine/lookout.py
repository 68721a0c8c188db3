"""Which hour comes next in which a book may change: what lies between is passed without a step.

A quiet hour is one in which `step` would send nothing and change nothing but marks. It is recognised from arrays that
were computed once: no candidate that could be entered, no exit rule, no touch of a stop or target, no breaker level,
no weight over its band, no corporate action. Where quiet cannot be proven, the hour is stepped.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import fsum, inf

import numpy as np

from trading.domain.instruments import Symbol
from trading.domain.panel import Why
from trading.domain.portfolio import TradingState
from trading.domain.records import changed
from trading.engine.balance import buys_are_due
from trading.engine.barred import Barred, BarredInBook, Bits, bits
from trading.engine.breaker import raised
from trading.engine.desk_view import FEW
from trading.engine.hours import Hours
from trading.engine.shifts import Shifts
from trading.engine.state import BookState
from trading.engine.step import Gate
from trading.engine.tracks import NEVER
from trading.engine.watch import PositionWatch
from trading.strategy.spec import StrategySpec

_MARGIN = 1e-9
"""Relative room around a level that is compared here in another order of operations than in the step."""


@dataclass
class Stretch:
    """What passed between two events.

    Attributes:
        nav_usd: NAV of each passed hour; NaN where a held symbol had no price.
        barred: candidates that could not be entered, by the check that stops them first.
    """

    nav_usd: list[float] = field(default_factory=list)
    barred: dict[str, int] = field(default_factory=dict)


NOTHING = Stretch()
"""What passes where no hour does."""


@dataclass(frozen=True, slots=True)
class _Holdings:
    """What a book holds, as numbers.

    Attributes:
        held: what the numbers were made from.
        values: (shares, price at every hour) of each position.
    """

    held: Mapping[Symbol, Decimal]
    mask: Bits
    values: list[tuple[float, Sequence[float]]]


class Lookout:
    """Looks ahead from one event to the next one."""

    def __init__(
        self, spec: StrategySpec, hours: Hours, watch: PositionWatch, gate: Gate, acting: Mapping[Symbol, Sequence[int]]
    ) -> None:
        """Prepare for the hours of a replay.

        Args:
            acting: hours with a split or dividend, ascending, by symbol.
        """
        panel, judgement, grid = hours.panel, hours.judgement, hours.timeline.grid
        self.spec, self.rows, self.column = spec, len(panel), panel.column
        self._watch, self._acting, self._price = watch, acting, panel.price
        self.enters = bits(judgement.may_enter)
        self.exits = bits(judgement.exits)
        self.vix: list[float] = np.where(panel.why_vix[:, 0] == Why.KNOWN, panel.vix[:, 0], np.nan).tolist()
        self.is_first: list[bool] = (grid.number == 0).tolist()
        self.sessions, self.session_of = hours.timeline.sessions, grid.session
        self.first_of: list[int] = np.flatnonzero(grid.number == 0).tolist()
        self.barred = Barred(spec, hours, gate)
        self.shifts = Shifts(spec, hours)
        self._prices: dict[Symbol, Sequence[float]] = {}
        self._holdings = _Holdings({}, 0, [])
        self._in_book: BarredInBook | None = None
        self._found_at = -1

    def ahead(self, state: BookState, seen: int, first: int) -> tuple[BookState, int, Stretch]:
        """Return the book before the next event, the hour of that event, and what passed until then.

        Args:
            seen: the hour whose bars have met the book.
            first: the hour to begin with: the next one, or `seen` itself if it is not decided yet.
        """
        if first == seen == self._found_at:
            # It was stopped at for what it decides, and no bar of it meets the book.
            return state, first, NOTHING
        until = self._next_known(state, seen, first)
        if until <= first:
            return state, first, NOTHING
        scan = _Scan(self, state, first, until)
        stops_at, passed = scan.run()
        self._found_at = stops_at if stops_at < until else -1
        return scan.landed(state, passed, stops_at), stops_at, passed

    def stopped(self, state: BookState, row: int, nav_usd: float) -> tuple[Bits, list[tuple[str, Bits]]]:
        """Return the candidates of a stepped hour whose denial was foreseen, and the checks that stop them."""
        waiting = self.enters[row] & ~self.holdings(state).mask
        if not waiting or not self.barred.foresees:
            return 0, []
        left, found = self.in_book(state).split(waiting, row, nav_usd)
        return waiting & ~left, found

    def holdings(self, state: BookState) -> _Holdings:
        """Return what the book holds; most hours ask again about the same."""
        held = state.held
        if self._holdings.held is not held:
            mask = 0
            for symbol in held:
                mask |= 1 << self.column[symbol]
            self._holdings = _Holdings(held, mask, [(float(q), self.prices(s)) for s, q in held.items()])
        return self._holdings

    def in_book(self, state: BookState) -> BarredInBook:
        """Return what keeps candidates out of the book; it is asked for ascending hours."""
        before = self._in_book
        if before is None or not before.is_for(state):
            before = self._in_book = self.barred.for_book(state)
        return before

    def prices(self, symbol: Symbol) -> Sequence[float]:
        """Return the prices of one symbol at every hour, NaN where unknown."""
        if symbol not in self._prices:
            price = self._price[:, self.column[symbol]]
            known = np.where(np.isfinite(price), price, np.nan)
            # A list is read faster and takes four times as much: too much where hundreds of symbols come to be held.
            self._prices[symbol] = array("d", known.tobytes()) if len(self.column) > FEW else known.tolist()
        return self._prices[symbol]

    def _next_known(self, state: BookState, seen: int, first: int) -> int:
        """Return the next hour of which it is known that something happens; the end of the timeline if none."""
        held = state.held
        if any(not o.is_protective for o in state.working) or (held and state.breaker.tripped_on is not None):
            return first
        if held and buys_are_due(state):
            return first
        touches = self._watch.look(state, seen, first)
        if touches.keys() != held.keys():
            return first
        until = min(touches.values(), default=NEVER)
        if held:
            until = min(until, self.shifts.next_quarter(first))
        for symbol in held:
            if rows := self._acting.get(symbol):
                place = bisect_right(rows, seen)
                until = min(until, rows[place] if place < len(rows) else NEVER)
        return min(until, self.rows)


class _Scan:
    """The quiet hours of one book, one after the other; only marks move."""

    def __init__(self, lookout: Lookout, state: BookState, first: int, until: int) -> None:
        self._out, self._first, self._until = lookout, first, until
        holdings = lookout.holdings(state)
        self._cash, self._mask, self._held = float(state.portfolio.cash_usd), holdings.mask, holdings.values
        self._breaker, self._rules = state.breaker, lookout.spec.protection
        self._is_halted = state.trading_state in (TradingState.HALTED, TradingState.LOCKED)
        self._state = state
        self._bars: BarredInBook | None = None
        self._shift = lookout.shifts.for_book(state, first)

    def run(self) -> tuple[int, Stretch]:
        """Pass quiet hours; return the first one that is not, and what passed until then."""
        passed = Stretch()
        return self._pass(passed), passed

    def _pass(self, passed: Stretch) -> int:
        exits, enters, held, mask, cash = self._out.exits, self._out.enters, self._held, self._mask, self._cash
        band, navs = self._out.spec.sizing.trim_above_frac * (1 - _MARGIN), passed.nav_usd
        floor, peak = self._levels()
        may_shift, watched_from, is_closing = self._shift.may_be, self._shift.from_row, self._shift.is_closing
        waits, note = ~mask, navs.append
        for row in range(self._first, self._until):
            if exits[row] & mask:
                return row
            values = [shares * prices[row] for shares, prices in held]
            nav = fsum([cash, *values])
            if row >= watched_from and not is_closing[row] and may_shift(row, values, nav):
                return row
            if nav == nav:
                if nav < floor or (values and max(values) > band * nav):
                    return row
                if nav > peak:
                    if self._may_return(row):
                        return row
                    self._raise(nav, row)
                    floor, peak = self._levels()
                if waiting := enters[row] & waits:
                    left, found = self._split(waiting, row, nav)
                    if left:
                        return row
                    for code, names in found:
                        passed.barred[code] = passed.barred.get(code, 0) + names.bit_count()
            note(nav)
        return self._until

    def _split(self, waiting: Bits, row: int, nav_usd: float) -> tuple[Bits, list[tuple[str, Bits]]]:
        if self._bars is None:
            self._bars = self._out.in_book(self._state)
        return self._bars.split(waiting, row, nav_usd)

    def _levels(self) -> tuple[float, float]:
        """Return the NAV under which the breaker acts, and the one above which a mark rises; −inf to look always."""
        breaker, rules = self._breaker, self._rules
        lifetime = breaker.lifetime_peak_usd * (1 - rules.lifetime_halt_frac)
        if breaker.tripped_on is not None:
            return (-inf if self._is_halted else lifetime * (1 + _MARGIN)), -inf
        floor = max(lifetime, breaker.peak_nav_usd * (1 - rules.breaker_frac)) * (1 + _MARGIN)
        return (-inf if self._is_halted else floor), breaker.peak_nav_usd

    def _raise(self, nav_usd: float, row: int) -> None:
        self._breaker = raised(self._breaker, nav_usd, is_new_session=self._out.is_first[row])

    def _may_return(self, row: int) -> bool:
        """Return whether the way back may be open at `row`."""
        if self._breaker.tripped_on is None or self._is_halted:
            return False
        waited = self._breaker.sessions_since_trip + self._out.is_first[row] >= self._rules.reentry_sessions
        return waited and self._out.vix[row] < self._rules.reentry_vix

    def landed(self, state: BookState, passed: Stretch, stops_at: int) -> BookState:
        """Return the book after the passed hours."""
        if not passed.nav_usd:
            return state
        last = stops_at - 1
        session = self._out.session_of.item(last)
        session_on = self._out.sessions[session].session_on
        newest = _newest(passed.nav_usd, state.newest_nav_usd)
        closing, orders_today = state.closing_nav_usd, state.orders_today
        if session_on != state.session_on:
            opens = self._out.first_of[session] - self._first
            closing, orders_today = _newest(passed.nav_usd[:opens], state.newest_nav_usd), 0
        return changed(
            state,
            breaker=self._breaker,
            newest_nav_usd=newest,
            closing_nav_usd=closing,
            session_on=session_on,
            orders_today=orders_today,
            balance=state.balance.later(session - self._out.shifts.session_before(self._first)),
        )


def _newest(navs: Sequence[float], before: float | None) -> float | None:
    return next((nav for nav in reversed(navs) if nav == nav), before)
