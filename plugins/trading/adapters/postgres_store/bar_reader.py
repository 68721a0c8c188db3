"""COPY … TO BINARY into NumPy: a hundred thousand bars without a Python object each."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.adapters.postgres_store.statements import Statements
from trading.domain.instruments import Symbol
from trading.domain.market import Resolution
from trading.domain.series import ARRAYS, BarSeries
from trading.errors import InvariantBroken

_INSTANTS = ("starts_at", "ends_at", "known_at")
_NUMBERS = ("open", "high", "low", "close", "volume")
_FIELD_COUNT = 2 + len(_INSTANTS) + len(_NUMBERS)
_HEADER_BYTES, _TRAILER_BYTES = 19, 2
_EPOCH = np.datetime64("2000-01-01T00:00:00", "us")


def read_bars(
    statements: Statements, symbols: Sequence[Symbol], resolutions: Sequence[Resolution], **limits: object
) -> dict[tuple[Symbol, Resolution], BarSeries]:
    """Return the bars that `read_bars` selects as series, the newest revision of each.

    One question for each resolution and each length of symbol: rows of one width need no parsing.
    """
    by_width: dict[int, list[Symbol]] = defaultdict(list)
    for symbol in dict.fromkeys(symbols):
        by_width[len(symbol.encode())].append(symbol)
    found: dict[tuple[Symbol, Resolution], BarSeries] = {}
    for resolution in dict.fromkeys(resolutions):
        for width, of_width in by_width.items():
            selected = statements.text("read_bars", symbols=of_width, resolution=resolution.value, **limits)
            data = io.BytesIO()
            with statements.connection.cursor() as cursor:
                cursor.copy_expert(f"COPY ({selected}) TO STDOUT (FORMAT binary)", data, 1 << 20)
            for series in _series(_rows(data.getbuffer(), width), resolution):
                found[series.symbol, resolution] = series
    return found


def _layout(symbol_bytes: int) -> np.dtype[Any]:
    """Return the dtype of a row.

    Source: PostgreSQL manual, COPY, "Binary Format": a signature of 11 bytes, two words, then per row a 16-bit field
    count and per field a 32-bit length before the value; a count of -1 ends the data.
    """
    columns = [("symbol", f"S{symbol_bytes}"), ("revision", ">i4")]
    columns += [(name, ">i8") for name in _INSTANTS] + [(name, ">f8") for name in _NUMBERS]
    return np.dtype([("field_count", ">i2")] + [part for c in columns for part in ((f"{c[0]}_length", ">i4"), c)])


def _rows(data: memoryview, symbol_bytes: int) -> NDArray[Any]:
    layout = _layout(symbol_bytes)
    body = len(data) - _HEADER_BYTES - _TRAILER_BYTES
    if body % layout.itemsize:
        raise InvariantBroken("Postgres sent bars in an unknown shape; compare read_bars with bar_reader")
    rows = np.frombuffer(data, dtype=layout, count=body // layout.itemsize, offset=_HEADER_BYTES)
    if len(rows) and (rows["field_count"] != _FIELD_COUNT).any():
        raise InvariantBroken("Postgres sent bars with other columns; compare read_bars with bar_reader")
    return rows


def _series(rows: NDArray[Any], resolution: Resolution) -> Iterator[BarSeries]:
    """Yield a series of each symbol in `rows`, the highest revision of each start only."""
    if not len(rows):
        return
    symbols, codes = _coded(rows["symbol"])
    starts, revisions = rows["starts_at"].astype(np.int64), rows["revision"].astype(np.int32)
    is_next = (codes[1:] > codes[:-1]) | (codes[1:] == codes[:-1]) & (starts[1:] > starts[:-1])
    if not is_next.all():
        # Several years, days as they came, or revisions: else the key brings them in order.
        order = np.lexsort((revisions, starts, codes))
        codes, starts = codes[order], starts[order]
        is_newest = np.append((codes[1:] != codes[:-1]) | (starts[1:] != starts[:-1]), True)
        rows, codes = rows[order[is_newest]], codes[is_newest]
    columns: dict[str, NDArray[Any]] = {name: _EPOCH + rows[name].astype("timedelta64[us]") for name in _INSTANTS} | {
        name: rows[name].astype(np.float64) for name in _NUMBERS
    }
    edges = np.searchsorted(codes, np.arange(len(symbols) + 1))
    for code, symbol in enumerate(symbols):
        part = slice(edges[code], edges[code + 1])
        yield BarSeries(symbol, resolution, **{name: columns[name][part] for name in ARRAYS})


def _coded(symbols: NDArray[Any]) -> tuple[list[Symbol], NDArray[np.int64]]:
    """Return the different symbols, and for each row its place among them; only the first of a run is compared."""
    begins = np.ones(len(symbols), dtype=bool)
    begins[1:] = symbols[1:] != symbols[:-1]
    names, of_run = np.unique(symbols[begins], return_inverse=True)
    return [name.decode() for name in names.tolist()], of_run[np.cumsum(begins) - 1]
