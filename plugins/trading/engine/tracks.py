"""The tape by the hours of a replay: which bars arrive with which hour, and where they first touch an order."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator

import numpy as np

from trading.domain.instruments import Symbol
from trading.domain.orders import Order
from trading.domain.panel import FeaturePanel, FloatArray, TimeArray
from trading.engine.tape import Tape

NEVER = 1 << 60
"""An hour that never comes."""
_FIRST_STRETCH = 128
"""How far the first look ahead goes; each further one goes four times as far."""
_ROUNDING = 2e-4
"""Prices of orders are rounded to 4 decimals or to ticks; a touch this near is looked at exactly."""


def stretches(first: int, end: int) -> Iterator[slice]:
    """Yield [first, end) in parts, each longer than the one before: what is looked for mostly comes soon."""
    length = _FIRST_STRETCH
    while first < end:
        yield slice(first, min(first + length, end))
        first, length = first + length, length * 4


class Track:
    """The tape of one symbol, laid out by hours.

    Attributes:
        low, high: each bar's reach, its open included. series_high: as told.
        marks: what raises the mark of a position, by bar: its high, and the price of an hour that it ends.
        upto: number of bars that are complete at each hour; one more, the first, before the first hour.
    """

    def __init__(
        self, tape: Tape, symbol: Symbol, cutoff_at: TimeArray, first_at: np.datetime64, price: FloatArray
    ) -> None:
        series = tape.series[symbol]
        complete = np.searchsorted(tape.complete_at[symbol], np.concatenate([[first_at], cutoff_at]), side="right")
        # A wide book comes to hold hundreds of symbols: an array of numbers takes a fifth of a list of them.
        self.upto = array("q", complete.astype(np.int64).tobytes())
        self.low = series.low if (series.low <= series.open).all() else np.minimum(series.low, series.open)
        self.high = series.high if (series.high >= series.open).all() else np.maximum(series.high, series.open)
        self.series_high, self.marks = series.high, np.array(series.high)
        # The price of an hour is a mark, too; it counts with the last bar before it.
        known = np.flatnonzero((complete[1:] > 0) & np.isfinite(price))
        np.maximum.at(self.marks, complete[1:][known] - 1, price[known])

    def row_of(self, bar: int) -> int:
        """Return the hour at which `bar` is complete; `NEVER` after the last one."""
        row = bisect_right(self.upto, bar) - 1
        return row if row < len(self.upto) - 1 else NEVER

    def first_touch(self, bar: int, high_water: float, stop: Order, target: Order) -> int:
        """Return the first bar from `bar` on that may touch the stop or the target; the length of the tape if none."""
        keep = 1.0 - (stop.trail_frac or 1.0)
        floor = float(stop.stop_price or 0)
        ceiling = float(target.limit_price or 0) - _ROUNDING
        end = self.upto[-1]
        for part in stretches(bar, end):
            marks = np.maximum.accumulate(np.concatenate([[high_water], self.marks[part]]))
            stops = np.maximum(marks[:-1] * keep, floor) + _ROUNDING
            touched = (self.low[part] <= stops) | (self.high[part] >= ceiling)
            first = int(touched.argmax())
            if touched[first]:
                return int(part.start) + first
            high_water = float(marks[-1])
        return end


class Tracks:
    """The tracks of the symbols that a replay came to hold."""

    def __init__(self, tape: Tape, panel: FeaturePanel, cutoff_at: TimeArray, first_at: np.datetime64) -> None:
        """Prepare for hours that stand at `cutoff_at`; bars that are complete by `first_at` come before all of them."""
        self._tape, self._panel, self._cutoff_at, self._first_at = tape, panel, cutoff_at, first_at
        self._tracks: dict[Symbol, Track] = {}

    def of(self, symbol: Symbol) -> Track | None:
        """Return the track of `symbol`; None if it has no bars."""
        if symbol not in self._tape.series:
            return None
        if symbol not in self._tracks:
            price = self._panel.price[:, self._panel.column[symbol]]
            self._tracks[symbol] = Track(self._tape, symbol, self._cutoff_at, self._first_at, price)
        return self._tracks[symbol]

    def arriving(self, symbol: Symbol, row: int) -> range:
        """Return the places of the bars that arrive with the hour `row`."""
        track = self.of(symbol)
        return range(0) if track is None else range(track.upto[row], track.upto[row + 1])
