"""Bars of one symbol as read-only columns: what readers return and analysis works on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from trading.domain.instruments import Symbol
from trading.domain.market import Bar, Resolution
from trading.domain.panel import FloatArray, TimeArray
from trading.errors import InvariantBroken


@dataclass(frozen=True)
class BarSeries:
    """Raw bars of one symbol, ascending by start, no duplicates.

    Attributes:
        starts_at, ends_at, known_at: UTC, datetime64[us].
        open, high, low, close: USD/share as traded. volume: shares.
    """

    symbol: Symbol
    resolution: Resolution
    starts_at: TimeArray
    ends_at: TimeArray
    known_at: TimeArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __post_init__(self) -> None:
        for name in ARRAYS:
            getattr(self, name).flags.writeable = False
        if len(self.starts_at) > 1 and not (np.diff(self.starts_at) > np.timedelta64(0)).all():
            raise InvariantBroken(f"{self.symbol} {self.resolution} bars are not ascending; sort them in the reader")

    def __len__(self) -> int:
        return len(self.starts_at)

    def take(self, rows: slice) -> BarSeries:
        """Return the rows in `rows`, without copying."""
        return BarSeries(self.symbol, self.resolution, **{name: getattr(self, name)[rows] for name in ARRAYS})


ARRAYS = tuple(f.name for f in fields(BarSeries) if f.name not in {"symbol", "resolution"})


def series_of(symbol: Symbol, resolution: Resolution, bars: Iterable[Bar]) -> BarSeries:
    """Return `bars` of one symbol and resolution as columns, sorted by start."""
    rows = sorted(bars, key=lambda b: b.starts_at)
    if any(b.symbol != symbol or b.resolution != resolution for b in rows):
        raise InvariantBroken(f"bars of another symbol or resolution among {symbol} {resolution}; fix the caller")

    def times(name: str) -> TimeArray:
        return np.array([getattr(b, name).replace(tzinfo=None) for b in rows], dtype="datetime64[us]")

    def floats(name: str) -> FloatArray:
        return np.array([getattr(b, name) for b in rows], dtype=np.float64)

    return BarSeries(
        symbol, resolution, times("starts_at"), times("ends_at"), times("known_at"),
        floats("open"), floats("high"), floats("low"), floats("close"), floats("volume"),
    )  # fmt: skip
