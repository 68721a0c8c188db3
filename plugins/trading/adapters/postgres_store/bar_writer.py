"""Bars into COPY … FROM BINARY by way of NumPy: no row is formatted, and the server parses none."""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

import numpy as np
import psycopg2
from numpy.typing import NDArray
from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.domain.market import Bar
from trading.errors import InvariantBroken

_INSTANTS = ("starts_at", "ends_at", "known_at")
_NUMBERS = ("open", "high", "low", "close", "volume")
_COLUMNS = ("response_id", "fetched_at", "symbol", "resolution", *_INSTANTS, *_NUMBERS)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Source: PostgreSQL manual, COPY, "Binary Format": a signature of 11 bytes and two words, then per row a 16-bit field
# count and per field a 32-bit length before the value; a count of -1 ends the data.
_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_ROWS_AT_ONCE = 8192
"""Rows turned into bytes at once: about 1 MB, whatever the length of a delivery."""


class BarStream(io.RawIOBase):
    """The bars of one reply as the bytes of one COPY, made piece by piece while the server stores the piece before.

    Attributes:
        digest: over the bars that were read so far; neither response nor fetch is in it, so equal replies are equal.
        is_ascending: whether the starts of each symbol and resolution ascended so far: then no key came twice.
    """

    def __init__(self, bars: Sequence[Bar], *, response_id: int, fetched_at: datetime) -> None:
        super().__init__()
        self.digest = hashlib.sha256()
        self.is_ascending = True
        self._response_id = response_id
        self._fetched_at = (fetched_at - _EPOCH) // _MICROSECOND
        self._newest: dict[tuple[bytes, bytes], int] = {}
        self._pieces = self._content(bars)
        self._fault: InvariantBroken | None = None

    def copy_to(self, connection: Connection) -> None:
        """Append the bars to staging.bars.

        Raises:
            InvariantBroken: a number or an instant of a bar is none; refused bars go through `copying.copy_in`.
        """
        with connection.cursor() as cursor:
            try:
                cursor.copy_expert(f"COPY staging.bars ({', '.join(_COLUMNS)}) FROM STDIN (FORMAT binary)", self)
            except psycopg2.Error:
                if self._fault is not None:
                    # The library tells the server, and says only that reading failed.
                    raise self._fault from None
                raise

    def read(self, _size: int = -1, /) -> bytes:
        """Return the next piece; nothing at the end. The client library sends pieces of any size."""
        try:
            return next(self._pieces, b"")
        except InvariantBroken as fault:
            self._fault = fault
            raise

    def _content(self, bars: Sequence[Bar]) -> Iterator[bytes]:
        yield _HEADER
        for some in itertools.batched(bars, _ROWS_AT_ONCE):
            for block in _blocks(some):
                self.digest.update(block)
                self._watch(block)
                block["response_id"] = self._response_id
                block["fetched_at"] = self._fetched_at
                yield block.tobytes()
        yield _TRAILER

    def _watch(self, block: NDArray[Any]) -> None:
        symbols, resolutions, starts = block["symbol"], block["resolution"], block["starts_at"].astype(np.int64)
        begins = np.ones(len(block), dtype=bool)
        begins[1:] = (symbols[1:] != symbols[:-1]) | (resolutions[1:] != resolutions[:-1])
        self.is_ascending &= bool((begins[1:] | (np.diff(starts) > 0)).all())
        first = np.flatnonzero(begins)
        last = np.append(first[1:], len(block)) - 1
        runs = zip(symbols[first], resolutions[first], starts[first].tolist(), starts[last].tolist(), strict=True)
        for symbol, resolution, first_at, last_at in runs:
            newest = self._newest.get((symbol, resolution))
            self.is_ascending &= newest is None or first_at > newest
            self._newest[symbol, resolution] = last_at


def _blocks(bars: Sequence[Bar]) -> list[NDArray[Any]]:
    """Return `bars` in COPY's own layout, equal keys in their order; response and fetch are left 0.

    One array for each width of symbol and resolution, because the fields of an array have fixed widths.
    """
    try:
        columns: dict[str, NDArray[Any]] = {name: _instants(bars, name) for name in _INSTANTS}
        columns |= {name: np.fromiter(map(attrgetter(name), bars), np.float64, len(bars)) for name in _NUMBERS}
    except (TypeError, ValueError) as error:
        raise InvariantBroken(f"a sound bar holds no number or instant ({error}); correct its producer") from error
    columns["symbol"] = np.array([bar.symbol.encode() for bar in bars])
    columns["resolution"] = np.array([bar.resolution.encode() for bar in bars])
    widths = np.char.str_len(columns["symbol"]) * 8 + np.char.str_len(columns["resolution"])
    return [_block({name: column[widths == width] for name, column in columns.items()}) for width in np.unique(widths)]


def _instants(bars: Sequence[Bar], name: str) -> NDArray[np.int64]:
    return np.fromiter([(at - _EPOCH) // _MICROSECOND for at in map(attrgetter(name), bars)], np.int64, len(bars))


def _block(columns: dict[str, NDArray[Any]]) -> NDArray[Any]:
    kinds = {name: ">i8" for name in ("response_id", "fetched_at", *_INSTANTS)} | {name: ">f8" for name in _NUMBERS}
    for name in ("symbol", "resolution"):
        columns[name] = columns[name].astype(f"S{len(columns[name][0])}")
        kinds[name] = columns[name].dtype.str
    fields = [("field_count", ">i2")]
    for name in _COLUMNS:
        fields += [(f"{name}_length", ">i4"), (name, kinds[name])]
    block = np.zeros(len(columns["symbol"]), dtype=fields)
    block["field_count"] = len(_COLUMNS)
    for name in _COLUMNS:
        block[f"{name}_length"] = block.dtype[name].itemsize
        if name in columns:
            block[name] = columns[name]
    return block
