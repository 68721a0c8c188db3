"""Invented minutes of a session, as arrays, as `Bar`s and as bytes of COPY; and the layouts in which they could lie."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, cast

import numpy as np
from invented import names
from numpy.typing import NDArray
from trading.domain.market import SYNTHETIC, Bar, Resolution, Session

type Array = NDArray[Any]

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Where Postgres counts from."""
MINUTE_US = 60_000_000
TICKS = 10_000
"""Ticks of 1/10,000 USD in a dollar: four decimals, exactly, in an integer of four bytes up to 214,748 USD."""


class _Length(StrEnum):
    MINUTE = "1m"


# The product has no minutes; the writer and the reader take any length that the table's CHECK lets in.
MINUTE = cast(Resolution, _Length.MINUTE)

NARROW = (
    "starts_at timestamptz NOT NULL, known_at timestamptz NOT NULL, symbol_id int NOT NULL, open int NOT NULL, "
    "high int NOT NULL, low int NOT NULL, close int NOT NULL, volume int NOT NULL CHECK (volume >= 0), "
    "response_id int NOT NULL, revision smallint NOT NULL DEFAULT 0, "
    "CHECK (high >= greatest(open, close, low) AND low <= least(open, close)), CHECK (known_at > starts_at)"
)
"""Eight-byte columns first, so that none is padded. Names are numbers, prices ticks, the end is the next minute."""
KINDS = {
    "starts_at": ">i8", "known_at": ">i8", "symbol_id": ">i4", "open": ">i4", "high": ">i4", "low": ">i4",
    "close": ">i4", "volume": ">i4", "response_id": ">i4", "revision": ">i2",
}  # fmt: skip
BY_TIME, BY_SYMBOL = "starts_at, symbol_id, revision", "symbol_id, starts_at, revision"


@dataclass(frozen=True)
class Minutes:
    """Some minutes of one session for the first symbols of `names`.

    Attributes:
        starts_at: microseconds since `EPOCH`, one a minute.
        prices: opens, highs, lows, closes in ticks, each of shape (symbols, minutes). volume: shares, of that shape.
    """

    starts_at: Array
    prices: Mapping[str, Array]
    volume: Array

    def __len__(self) -> int:
        return self.volume.size

    def part(self, minutes: slice) -> Minutes:
        """Return some of the minutes."""
        return Minutes(
            self.starts_at[minutes], {n: p[:, minutes] for n, p in self.prices.items()}, self.volume[:, minutes]
        )

    def columns(self) -> dict[str, Array]:
        """Return the columns of `NARROW`, all symbols of a minute before the next minute."""
        symbols, minutes = self.volume.shape
        starts = np.repeat(self.starts_at, symbols)
        return {
            "starts_at": starts,
            "known_at": starts + MINUTE_US,
            "symbol_id": np.tile(np.arange(symbols), minutes),
            **{name: values.T.ravel() for name, values in (*self.prices.items(), ("volume", self.volume))},
            "response_id": np.ones(len(self)),
            "revision": np.zeros(len(self)),
        }

    def bars(self, first: int, last: int) -> Iterator[Bar]:
        """Yield the minutes of the symbols from `first` to before `last`, one symbol after the other."""
        starts = [EPOCH + timedelta(microseconds=at) for at in self.starts_at.tolist()]
        for number, name in enumerate(names(last)[first:], first):
            rows = [(values[number] / TICKS).tolist() for values in self.prices.values()]
            shares = self.volume[number].astype(float).tolist()
            for at, opened, high, low, close, volume in zip(starts, *rows, shares, strict=True):
                ends_at = at + timedelta(minutes=1)
                yield Bar(name, MINUTE, at, ends_at, opened, high, low, close, volume, SYNTHETIC, ends_at)


def invented(session: Session, symbol_count: int) -> Minutes:
    """Return every minute of a session: walks of 0.05 % a minute in whole cents from 10 to 500 USD, skewed volumes."""
    minutes = int((session.closes_at - session.opens_at) / timedelta(minutes=1))
    random = np.random.default_rng(zlib.crc32(f"{session.session_on}".encode()))
    shape = (symbol_count, minutes + 1)
    first = 10.0 * np.exp(random.random((symbol_count, 1)) * np.log(50.0))
    walk = np.round(100.0 * first * np.exp(np.cumsum(0.0005 * random.standard_normal(shape), axis=1))).astype(np.int64)
    opened, close = walk[:, :-1], walk[:, 1:]
    reach = np.round(walk[:, 1:] * 0.0004 * random.random(close.shape)).astype(np.int64)
    prices = {
        "open": opened,
        "high": np.maximum(opened, close) + reach,
        "low": np.minimum(opened, close) - reach,
        "close": close,
    }
    opens_at = (session.opens_at - EPOCH) // timedelta(microseconds=1)
    volume = np.round(np.exp(random.normal(6.0, 1.5, close.shape))).astype(np.int64)
    return Minutes(
        opens_at + MINUTE_US * np.arange(minutes),
        {name: price * (TICKS // 100) for name, price in prices.items()},
        volume,
    )


def copy_bytes(columns: Mapping[str, Array]) -> bytes:
    """Return columns of `KINDS` as the bytes of one COPY … FROM BINARY."""
    fields: list[tuple[str, str]] = [("count", ">i2")]
    for name in columns:
        fields += [(f"{name}_length", ">i4"), (name, KINDS[name])]
    block = np.zeros(len(columns["starts_at"]), dtype=fields)
    block["count"] = len(columns)
    for name, values in columns.items():
        block[f"{name}_length"] = block.dtype[name].itemsize
        block[name] = values
    return b"PGCOPY\n\xff\r\n\x00" + bytes(8) + block.tobytes() + b"\xff\xff"


def from_copy(data: bytes, names: tuple[str, ...]) -> Array:
    """Return the rows of one COPY … TO BINARY whose columns are `names`."""
    fields: list[tuple[str, str]] = [("count", ">i2")]
    for name in names:
        fields += [(f"{name}_length", ">i4"), (name, KINDS[name])]
    return np.frombuffer(memoryview(data)[19:-2], dtype=fields)
