"""Held positions whose stops and targets are tested on closes: in which hour a close first lies beyond one of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from trading.domain.fills import Lot
from trading.domain.instruments import Symbol
from trading.domain.panel import FeaturePanel, FloatArray
from trading.domain.portfolio import Position
from trading.domain.records import changed
from trading.engine.state import BookState
from trading.engine.tracks import NEVER, stretches
from trading.strategy.spec import Protection

_SOON = 48
"""Closes that are looked at one by one."""
_NOISE = 1e-12
"""Relative room around a level; what lies within it is left to the step."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """What is known about a position that only closes can sell.

    Attributes:
        high_water: the position's mark after the hour `from_row` − 1.
        touch_row: the hour whose close may lie beyond stop or target.
    """

    lots: tuple[Lot, ...]
    high_water: float
    from_row: int
    touch_row: int


class CloseWatch:
    """Every position of a book whose stops and targets are tested on closes."""

    def __init__(self, panel: FeaturePanel, rules: Protection) -> None:
        self._panel, self._rules = panel, rules
        self._price: dict[Symbol, FloatArray] = {}
        self._marks: dict[Symbol, _Mark] = {}

    def due(self, row: int) -> list[Symbol]:
        """Return the positions whose close of the hour `row` may lie beyond stop or target."""
        return [symbol for symbol, mark in self._marks.items() if mark.touch_row == row]

    def watches(self, symbol: Symbol) -> bool:
        """Return whether the bars of `symbol` need not be looked at one by one."""
        return symbol in self._marks

    def look(self, state: BookState, seen: int, first: int) -> dict[Symbol, int]:
        """Return the hour from `first` on in which each position may be sold."""
        marks: dict[Symbol, _Mark] = {}
        for symbol, position in state.portfolio.positions.items():
            before = self._marks.get(symbol)
            if before is None or before.lots is not position.lots:
                before = self._mark(symbol, position, first)
            marks[symbol] = before
        self._marks = marks
        return {symbol: mark.touch_row for symbol, mark in marks.items()}

    def settled(self, state: BookState, symbols: Iterable[Symbol], row: int) -> BookState:
        """Return the book with the marks of `symbols` as the hours before `row` left them."""
        portfolio = state.portfolio
        positions = {**portfolio.positions}
        for symbol in symbols:
            mark, position = self._marks.pop(symbol, None), positions.get(symbol)
            # What was sold and bought again in between is another position.
            if mark is None or position is None or mark.lots is not position.lots or mark.from_row >= row:
                continue
            high = float(np.fmax.reduce(self._prices(symbol)[mark.from_row : row], initial=mark.high_water))
            positions[symbol] = changed(position, high_water_price=max(high, position.high_water_price))
        return changed(state, portfolio=portfolio.marked(portfolio.as_of, positions))

    def _prices(self, symbol: Symbol) -> FloatArray:
        if symbol not in self._price:
            self._price[symbol] = np.ascontiguousarray(self._panel.price[:, self._panel.column[symbol]])
        return self._price[symbol]

    def _mark(self, symbol: Symbol, position: Position, row: int) -> _Mark:
        price, rules, high = self._prices(symbol), self._rules, position.high_water_price
        keep = (1.0 - rules.trail_frac) * (1 + _NOISE)
        target = position.average_cost * (1.0 + rules.take_profit_frac) * (1 - _NOISE)
        # Most positions are sold soon: the first closes are looked at one by one, which is cheaper than over arrays.
        soon = price[row : row + _SOON].tolist()
        for at, close in enumerate(soon, start=row):
            if close > high:
                high = close
            if close <= high * keep or close >= target:
                return _Mark(position.lots, position.high_water_price, row, at)
        for rows in stretches(row + len(soon), len(price)):
            part = price[rows]
            marks = np.fmax.accumulate(np.concatenate([[high], part]))[1:]
            touched = (part <= marks * keep) | (part >= target)
            if touched[first := int(touched.argmax())]:
                return _Mark(position.lots, position.high_water_price, row, rows.start + first)
            high = float(marks[-1])
        return _Mark(position.lots, position.high_water_price, row, NEVER)
