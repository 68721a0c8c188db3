"""The hours in which the quarter or a market shift may have a book rebalanced, for a replay that jumps ahead."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np

from trading.domain.instruments import Symbol
from trading.domain.panel import Why
from trading.domain.portfolio import TradingState
from trading.engine.balance import members_of
from trading.engine.hours import Hours
from trading.engine.state import BookState
from trading.engine.tracks import NEVER
from trading.strategy.spec import StrategySpec

type _Level = tuple[Sequence[int], float, float]
"""Places of a sector's names among what is held, and the share of NAV under and over which they are rebalanced."""

_MARGIN = 1e-9
"""Room around a level that the step adds up in another order."""


class Shifts:
    """What is the same for every book: quarters, and jumps of the VIX."""

    def __init__(self, spec: StrategySpec, hours: Hours) -> None:
        panel, grid = hours.panel, hours.timeline.grid
        self.spec = spec
        self.is_closing: list[bool] = grid.is_closing.tolist()
        jumped = (panel.why_vix[:, 0] == Why.KNOWN) & (panel.vix_change_frac[:, 0] > spec.sizing.shift_vix_frac)
        self.vix_jumped: list[bool] = jumped.tolist()
        self._session_of: list[int] = grid.session.tolist()
        is_sized_by_sleeve = spec.sizing.rule == "sleeves"
        firsts = np.flatnonzero((grid.number == 0) & np.isin(grid.session, sorted(hours.timeline.quarter_places)))
        self._quarters: list[int] = firsts.tolist() if is_sized_by_sleeve else []
        self._may_shift = is_sized_by_sleeve
        self._levels_of: tuple[Mapping[Symbol, Decimal], Mapping[Symbol, float]] = {}, {}
        self._levels: tuple[_Level, ...] = ()

    def next_quarter(self, row: int) -> int:
        """Return the first hour from `row` on that starts a quarter."""
        place = bisect_left(self._quarters, row)
        return self._quarters[place] if place < len(self._quarters) else NEVER

    def session_before(self, row: int) -> int:
        """Return the place of the session of the hour before `row`; that of the first hour for the first one."""
        return self._session_of[max(row - 1, 0)]

    def for_book(self, state: BookState, first: int) -> BookShift:
        """Return what moves a book to which nothing happens, from hour `first` on."""
        if not (self._may_shift and state.held):
            return BookShift(self, NEVER, ())
        return BookShift(self, self._from_row(state, first), self._levels_at(state.held, state.balance.aims))

    def _levels_at(self, held: Mapping[Symbol, Decimal], aims: Mapping[Symbol, float]) -> tuple[_Level, ...]:
        """Return the levels of what is held; most hours ask again about the same."""
        if self._levels_of[0] is held and self._levels_of[1] is aims:
            return self._levels
        sizing, place = self.spec.sizing, {s: n for n, s in enumerate(held)}
        levels = list[_Level]()
        for members in members_of(self.spec.universe.sector_of, held).values():
            known = [aims[s] for s in members if s in aims]
            low, high = -1.0, sizing.shift_sector_frac
            if len(known) == len(members):
                low = sum(known) - sizing.shift_drift_frac
                high = min(high, sum(known) + sizing.shift_drift_frac)
            levels.append(([place[s] for s in members], low + _MARGIN, high - _MARGIN))
        self._levels_of, self._levels = (held, aims), tuple(levels)
        return self._levels

    def _from_row(self, state: BookState, first: int) -> int:
        """Return the hour from which a shift is acted upon while the state stays as it is."""
        if state.trading_state is not TradingState.ACTIVE:
            return NEVER
        since, pause = state.balance.sessions_since, self.spec.sizing.shift_pause_sessions
        if since is None or since >= pause:
            return first
        return bisect_left(self._session_of, self.session_before(first) + pause - since)


class BookShift:
    """The levels at which one book is rebalanced.

    Attributes:
        from_row: the first hour in which it may be. is_closing: in which hours it is not.
    """

    def __init__(self, every: Shifts, from_row: int, levels: tuple[_Level, ...]) -> None:
        self.from_row = from_row
        self.is_closing, self._vix_jumped, self._levels = every.is_closing, every.vix_jumped, levels

    def may_be(self, row: int, values_usd: Sequence[float], nav_usd: float) -> bool:
        """Return whether the book may be rebalanced in an hour, no closing one, in which it is worth `values_usd`."""
        if self._vix_jumped[row]:
            return True
        for members, low, high in self._levels:
            worth = values_usd[members[0]] if len(members) == 1 else sum([values_usd[place] for place in members])
            # A NaN lies nowhere.
            if worth > high * nav_usd or worth < low * nav_usd:
                return True
        return False
