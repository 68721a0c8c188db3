"""Bars of one symbol as read-only columns: what readers return and analysis works on."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from trading.domain.instruments import Symbol
from trading.domain.market import Resolution
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
