"""Held positions between two events: where the bars first touch a stop or a target, and how far the stop has risen.

Nothing happens to a guarded position until a bar reaches its stop or its target, so the bars before that one need not
be looked at one by one: where they touch is found over arrays, and the mark is brought up to date only then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from trading.domain.instruments import Symbol
from trading.domain.orders import OPEN, Order, OrderPurpose
from trading.domain.portfolio import Position
from trading.domain.records import changed
from trading.engine.state import BookState
from trading.engine.tracks import Track, Tracks
from trading.execution.matching import ratchet


class PositionWatch(Protocol):
    """What knows ahead when a position may be sold, and brings its mark up to date."""

    def look(self, state: BookState, seen: int, first: int) -> dict[Symbol, int]:
        """Return the hour in which each watched position may be sold next; others are left out.

        Args:
            seen: the hour whose bars have met the book. first: the next hour to decide, `seen` or the one after.
        """

    def due(self, row: int) -> list[Symbol]:
        """Return the positions that may be sold in the hour `row`."""

    def watches(self, symbol: Symbol) -> bool:
        """Return whether the bars of `symbol` need not be looked at one by one."""

    def settled(self, state: BookState, symbols: Iterable[Symbol], row: int) -> BookState:
        """Return the book with marks and stops of `symbols` as the hours before `row` left them."""


@dataclass(frozen=True, slots=True)
class _Guard:
    """The two orders that guard a position, and what is known about them.

    Attributes:
        high_water: the position's mark before `from_bar`, the first bar that has not been counted into it.
        touch_row: the hour in which a bar may touch one of them.
    """

    stop: Order
    target: Order
    high_water: float
    from_bar: int
    touch_row: int


class Watch:
    """Every guarded position of a book that is replayed in memory."""

    def __init__(self, tracks: Tracks) -> None:
        self._tracks = tracks
        self._guards: dict[Symbol, _Guard] = {}

    def due(self, row: int) -> list[Symbol]:
        """Return the positions that may be touched in the hour `row`."""
        return [symbol for symbol, guard in self._guards.items() if guard.touch_row == row]

    def watches(self, symbol: Symbol) -> bool:
        """Return whether the bars of `symbol` need not be looked at one by one."""
        return symbol in self._guards

    def look(self, state: BookState, seen: int, first: int) -> dict[Symbol, int]:
        """Return the hour after `seen` in which each guarded position may be touched; unguarded ones are left out."""
        guards: dict[Symbol, _Guard] = {}
        for symbol, (stop, target) in _pairs(state).items():
            position, track = state.portfolio.positions.get(symbol), self._tracks.of(symbol)
            if position is None or track is None:
                continue
            before = self._guards.get(symbol)
            if before is None or before.stop is not stop or before.target is not target:
                before = _guard(track, position, stop, target, track.upto[seen + 1])
            guards[symbol] = before
        self._guards = guards
        return {symbol: guard.touch_row for symbol, guard in guards.items()}

    def settled(self, state: BookState, symbols: Iterable[Symbol], row: int) -> BookState:
        """Return the book with marks and stops of `symbols` as the bars before hour `row` left them."""
        portfolio, working = state.portfolio, state.working
        positions = {**portfolio.positions}
        for symbol in symbols:
            guard, track = self._guards.pop(symbol, None), self._tracks.of(symbol)
            position = positions.get(symbol)
            if guard is None or track is None or position is None:
                continue
            passed = slice(guard.from_bar, track.upto[row])
            if passed.start >= passed.stop:
                continue
            high = max(guard.high_water, float(track.marks[passed].max()))
            # A bar moves the stop by itself; what an hour closed at moves it with the next bar.
            hours_before = track.marks[passed][:-1].max(initial=guard.high_water)
            stop = ratchet(guard.stop, max(float(track.series_high[passed].max()), float(hours_before)))
            positions[symbol] = changed(position, high_water_price=max(high, position.high_water_price))
            working = tuple(stop if o is guard.stop else o for o in working)
        return changed(state, portfolio=portfolio.marked(portfolio.as_of, positions), working=working)


def _guard(track: Track, position: Position, stop: Order, target: Order, bar: int) -> _Guard:
    touch = track.first_touch(bar, position.high_water_price, stop, target)
    return _Guard(stop, target, position.high_water_price, bar, track.row_of(touch))


def _pairs(state: BookState) -> dict[Symbol, tuple[Order, Order]]:
    """Return stop and target of each symbol that has exactly both of them working and nothing else."""
    found: dict[Symbol, list[Order]] = {}
    for order in state.working:
        found.setdefault(order.symbol, []).append(order)
    return {
        symbol: (orders[0], orders[1])
        for symbol, orders in found.items()
        if len(orders) == 2
        and (orders[0].purpose is OrderPurpose.STOP and orders[0].status in OPEN)
        and (orders[1].purpose is OrderPurpose.TARGET and orders[1].status in OPEN)
    }
