"""Ticks and bars on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum

from trading.gateway.wire.frames import frame, stamp

UNKNOWN_PRICE = -1
"""What the broker sends where it shows no price; a price of 0 is dropped by readers."""


class DataKind(IntEnum):
    """Market data types in the broker's numbering."""

    LIVE = 1
    FROZEN = 2
    DELAYED = 3
    DELAYED_FROZEN = 4


class Tick(IntEnum):
    """Live tick types."""

    BID = 1
    ASK = 2
    LAST = 4
    HIGH = 6
    LOW = 7
    VOLUME = 8
    CLOSE = 9
    OPEN = 14
    LAST_TIMESTAMP = 45
    HALTED = 49


DELAYED = {
    Tick.BID: 66, Tick.ASK: 67, Tick.LAST: 68, Tick.HIGH: 72, Tick.LOW: 73, Tick.VOLUME: 74, Tick.CLOSE: 75,
    Tick.OPEN: 76, Tick.LAST_TIMESTAMP: 88, Tick.HALTED: 90,
}  # fmt: skip
"""Delayed tick type of each live one."""
_SIZED = frozenset({Tick.BID, Tick.ASK, Tick.LAST})
BEST_SIZE = 100
"""Shares shown at bid, ask and last; the feed knows no sizes."""
type TickValue = Decimal | int | str | None
"""Price [USD/share], None where none is shown; shares; 0 or 1 for halted; epoch seconds as text."""


@dataclass(frozen=True, slots=True)
class HistoricalBar:
    """One bar as the broker shows it; `date` is text in the format that the client asked for.

    `volume`, `average` and `count` are −1 for bars that are not of trades.
    """

    date: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    average: float
    count: int


def market_data_type(request_id: int, kind: DataKind) -> bytes:
    """Return message 58."""
    return frame(58, 1, request_id, int(kind))


def tick_parameters(request_id: int) -> bytes:
    """Return message 81: increment, exchange mask, snapshot permissions."""
    return frame(81, request_id, "0.01", "9c0001", 3)


def tick(request_id: int, kind: Tick, value: TickValue, *, is_delayed: bool) -> bytes:
    """Return message 1, 2, 45 or 46, whichever carries that tick."""
    number = DELAYED[kind] if is_delayed else int(kind)
    if kind is Tick.HALTED:
        return frame(45, 6, request_id, number, value)
    if kind is Tick.LAST_TIMESTAMP:
        return frame(46, 6, request_id, number, value)
    if kind is Tick.VOLUME:
        return frame(2, 6, request_id, number, value)
    size = BEST_SIZE if kind in _SIZED and value is not None else 0
    return frame(1, 6, request_id, number, UNKNOWN_PRICE if value is None else value, size, 0)


def tick_snapshot_end(request_id: int) -> bytes:
    """Return message 57."""
    return frame(57, 1, request_id)


def historical_data(request_id: int, begins_at: datetime, ends_at: datetime, bars: Sequence[HistoricalBar]) -> bytes:
    """Return message 17; start and end stay inside it until version 195."""
    fields: list[object] = []
    for bar in bars:
        fields += [bar.date, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.average, bar.count]
    return frame(17, request_id, stamp(begins_at), stamp(ends_at), len(bars), *fields)


def head_timestamp(request_id: int, at: datetime) -> bytes:
    """Return message 88."""
    return frame(88, request_id, at.strftime("%Y%m%d-%H:%M:%S"))
