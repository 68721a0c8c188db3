"""What the hours of a replay do to a position of one symbol: the bars that open and close it, and how long it lives.

The life of a position whose stop and target are tested on closes follows from prices alone: it is known when it begins.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from trading.domain.instruments import Symbol
from trading.domain.orders import ON_TARGET, SOFTWARE_STOP
from trading.domain.panel import FloatArray, TimeArray
from trading.engine.hours import Hours
from trading.engine.tape import Tape
from trading.engine.tracks import NEVER
from trading.strategy.spec import Protection

BY_RULE, UNPRICED = "exit rule", "no price"
"""Why a life ends besides stop and target: a rule that sells, and an hour without a price, which no one may foresee."""
_STRETCH = 64
"""Closes that are looked at together."""

type End = tuple[int, str]
"""The hour in which a position is sold, and why."""


@dataclass(frozen=True, slots=True)
class Opens:
    """Which bar fills an order at the market by its open, in the hour after the one that sent it.

    Attributes:
        bar: place in the series, by hour; −1 where that is not plain: no such bar arrives, or the order is over.
        start: begin of that bar [µs since 1970]. on: its UTC day.
    """

    bar: list[int]
    start: list[int]
    on: list[date]

    @classmethod
    def of(cls, starts_at: TimeArray, complete_at: TimeArray, hours: Hours) -> Opens:
        """Return them for bars with these starts, which may be used from `complete_at` on."""
        cutoff_at, grid = hours.times.cutoff_at, hours.timeline.grid
        sent_at, is_closing = cutoff_at[:-1], grid.is_closing[:-1]
        bar = np.searchsorted(starts_at, sent_at, side="left")
        arrives = bar < np.searchsorted(complete_at, cutoff_at[1:], side="right")
        start = starts_at[np.minimum(bar, len(starts_at) - 1)]
        # What waits for an auction needs its print; what does not, ends with its day.
        day = start.astype("datetime64[D]")
        is_fit = np.where(is_closing, start == grid.starts_at[1:], day == sent_at.astype("datetime64[D]"))
        places = np.concatenate([[-1], np.where(arrives & is_fit, bar, -1)])
        starts = np.concatenate([[0], start.astype("datetime64[us]").astype(np.int64)])
        return cls(places.tolist(), starts.tolist(), [date.min, *day.tolist()])


class Course:
    """One symbol through the hours of a replay.

    Attributes:
        price: at every hour [USD/share], NaN where unknown. open_price: of every bar of the tape.
        acting: hours with a split or dividend, ascending.
    """

    __slots__ = ("_exits", "_keep", "_times", "_unpriced", "acting", "column", "open_price", "opens", "price", "symbol")

    def __init__(
        self,
        symbol: Symbol,
        column: int,
        price: Sequence[float],
        exits: NDArray[np.bool_],
        opens: Opens,
        open_price: FloatArray,
        rules: Protection,
        acting: Sequence[int],
    ) -> None:
        self.acting = acting
        self.symbol, self.column, self.price, self.opens, self.open_price = symbol, column, price, opens, open_price
        self._exits: list[int] = [*np.flatnonzero(exits).tolist(), NEVER]
        self._unpriced: list[int] = [*np.flatnonzero(~np.isfinite(np.asarray(price))).tolist(), NEVER]
        self._keep, self._times = 1.0 - rules.trail_frac, 1.0 + rules.take_profit_frac

    def acts_at(self, row: int) -> int:
        """Return the first hour from `row` on with a split or dividend; `NEVER` without one."""
        place = bisect_left(self.acting, row)
        return self.acting[place] if place < len(self.acting) else NEVER

    def end(self, row: int, high_water: float, average_cost: float) -> End:
        """Return where the life of a position ends that the hours before `row` left with this mark and cost."""
        rule = self._exits[bisect_left(self._exits, row)]
        unpriced = self._unpriced[bisect_left(self._unpriced, row)]
        until = min(rule + 1, unpriced, len(self.price))
        found, high_water = self._beyond(row, until, high_water, average_cost * self._times)
        if found is not None:
            return (rule, BY_RULE) if found == (rule, ON_TARGET) else found
        if rule < unpriced:
            return rule, BY_RULE
        return unpriced, UNPRICED

    def _beyond(self, row: int, until: int, high: float, target: float) -> tuple[End | None, float]:
        """Return the first close in [row, until) at or beyond stop or target, and the mark before it."""
        keep = self._keep
        while row < until:
            part = self.price[row : min(row + _STRETCH, until)]
            top = max(part)
            if top >= target or min(part) <= max(top, high) * keep:
                for at, close in enumerate(part, start=row):
                    if close > high:
                        high = close
                    if close <= high * keep:
                        return (at, SOFTWARE_STOP), high
                    if close >= target:
                        return (at, ON_TARGET), high
            if top > high:
                high = top
            row += _STRETCH
        return None, high


class Courses:
    """The courses of the symbols that a replay came to trade.

    Attributes:
        known: those that were asked for, by column.
    """

    def __init__(self, hours: Hours, tape: Tape, rules: Protection, acting: Mapping[Symbol, Sequence[int]]) -> None:
        self._hours, self._tape, self._rules, self._acting = hours, tape, rules, acting
        self.known: dict[int, Course] = {}
        self._opens: list[tuple[TimeArray, TimeArray, Opens]] = []

    def of(self, column: int, price: Sequence[float]) -> Course:
        """Return the course of the symbol in `column`, whose prices are these."""
        symbol = self._hours.panel.symbols[column]
        series, exits = self._tape.series.get(symbol), self._hours.judgement.exits[:, column]
        open_price = np.empty(0) if series is None else series.open
        opens, acting = self._opens_of(symbol), self._acting.get(symbol, ())
        course = Course(symbol, column, price, exits, opens, open_price, self._rules, acting)
        self.known[column] = course
        return course

    def _opens_of(self, symbol: Symbol) -> Opens:
        """Return which bars fill; symbols with the same bars share the answer."""
        series = self._tape.series.get(symbol)
        if series is None:
            count = len(self._hours)
            return Opens([-1] * count, [0] * count, [date.min] * count)
        starts_at, complete_at = series.starts_at, self._tape.complete_at[symbol]
        for starts, complete, opens in self._opens:
            if np.array_equal(starts, starts_at) and np.array_equal(complete, complete_at):
                return opens
        found = Opens.of(starts_at, complete_at, self._hours)
        self._opens = [(starts_at, complete_at, found), *self._opens[:3]]
        return found
