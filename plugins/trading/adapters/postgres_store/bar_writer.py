"""Bars into COPY … FROM BINARY by way of NumPy: no row is formatted, and the server parses none."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

import numpy as np
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
_ROWS_A_COPY = 1 << 15
"""Rows turned into bytes at once: some 5 MB, whatever the length of a delivery."""


def binary_rows(bars: Sequence[Bar]) -> list[NDArray[Any]]:
    """Return `bars` as rows of staging.bars in COPY's own layout, equal keys in their order.

    One array for each width of symbol and resolution, because the fields of an array have fixed widths. Response and
    fetch are left 0: the digest of a reply must not depend on them.

    Raises:
        InvariantBroken: a number or an instant of a bar is none; refused bars go through `copying.copy_in`.
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


def is_ordered(blocks: Sequence[NDArray[Any]]) -> bool:
    """Whether the bars of each symbol and resolution lie together, ascending by start: then no key comes twice."""
    for block in blocks:
        symbols, resolutions = block["symbol"], block["resolution"]
        begins = np.ones(len(block), dtype=bool)
        begins[1:] = (symbols[1:] != symbols[:-1]) | (resolutions[1:] != resolutions[:-1])
        runs = block[["symbol", "resolution"]][begins]
        if len(np.unique(runs)) < len(runs) or not (begins[1:] | (np.diff(block["starts_at"]) > 0)).all():
            return False
    return True


def copy_rows(
    connection: Connection, blocks: Sequence[NDArray[Any]], *, response_id: int, fetched_at: datetime
) -> None:
    """Append what `binary_rows` returned to staging.bars as the rows of one reply."""
    with connection.cursor() as cursor:
        for block in _pieces(blocks):
            block["response_id"] = response_id
            block["fetched_at"] = (fetched_at - _EPOCH) // _MICROSECOND
            data = io.BytesIO(b"".join((_HEADER, block.tobytes(), _TRAILER)))
            cursor.copy_expert(f"COPY staging.bars ({', '.join(_COLUMNS)}) FROM STDIN (FORMAT binary)", data, 1 << 20)


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


def _pieces(blocks: Sequence[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    for block in blocks:
        for start in range(0, len(block), _ROWS_A_COPY):
            yield block[start : start + _ROWS_A_COPY]
