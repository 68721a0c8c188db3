"""COPY … TO BINARY into NumPy: a hundred thousand bars without a Python object each."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.adapters.postgres_store.statements import Statements
from trading.domain.instruments import Symbol
from trading.domain.market import Resolution
from trading.domain.panel import FloatArray, TimeArray
from trading.domain.series import BarSeries
from trading.errors import InvariantBroken

_COLUMNS = (
    *((name, ">i4") for name in ("symbol", "resolution", "revision")),
    *((name, ">i8") for name in ("starts_at", "ends_at", "known_at")),
    *((name, ">f8") for name in ("open", "high", "low", "close", "volume")),
)
# Source: PostgreSQL manual, COPY, "Binary Format": a signature of 11 bytes, two words, then per row a 16-bit field
# count and per field a 32-bit length before the value; a count of -1 ends the data.
_ROW = np.dtype(
    [("field_count", ">i2")] + [part for name, kind in _COLUMNS for part in ((f"{name}_length", ">i4"), (name, kind))]
)
_HEADER_BYTES, _TRAILER_BYTES = 19, 2
_EPOCH = np.datetime64("2000-01-01T00:00:00", "us")


def read_bars(
    statements: Statements, symbols: Sequence[Symbol], resolutions: Sequence[Resolution], **limits: object
) -> dict[tuple[Symbol, Resolution], BarSeries]:
    """Return the bars that `read_bars` selects as series, the newest revision of each."""
    statement = statements.text(
        "read_bars", symbols=list(symbols), resolutions=[r.value for r in resolutions], **limits
    )
    data = io.BytesIO()
    with statements.connection.cursor() as cursor:
        cursor.copy_expert(f"COPY ({statement}) TO STDOUT (FORMAT binary)", data)
    rows = _newest(_rows(data.getvalue()))
    # Runs of one (symbol, resolution) lie together after the sort.
    keys = rows["symbol"].astype(np.int64) * (len(resolutions) + 1) + rows["resolution"]
    edges = np.flatnonzero(np.diff(keys, prepend=-1, append=-1))
    found = {}
    for start, end in itertools.pairwise(edges):
        symbol = symbols[rows["symbol"][start] - 1]
        resolution = resolutions[rows["resolution"][start] - 1]
        found[symbol, resolution] = _series(symbol, resolution, rows[start:end])
    return found


def _rows(data: bytes) -> NDArray[Any]:
    body = len(data) - _HEADER_BYTES - _TRAILER_BYTES
    if body % _ROW.itemsize:
        raise InvariantBroken("Postgres sent bars in an unknown shape; compare read_bars with bar_reader")
    rows = np.frombuffer(data, dtype=_ROW, count=body // _ROW.itemsize, offset=_HEADER_BYTES)
    if len(rows) and (rows["field_count"] != len(_COLUMNS)).any():
        raise InvariantBroken("Postgres sent bars with other columns; compare read_bars with bar_reader")
    return rows


def _newest(rows: NDArray[Any]) -> NDArray[Any]:
    """Return `rows` sorted by symbol, resolution and start, the highest revision of each key only."""
    rows = rows[np.lexsort((rows["revision"], rows["starts_at"], rows["resolution"], rows["symbol"]))]
    is_last = np.ones(len(rows), dtype=bool)
    is_last[:-1] = np.logical_or.reduce([rows[k][1:] != rows[k][:-1] for k in ("symbol", "resolution", "starts_at")])
    return rows[is_last]


def _series(symbol: Symbol, resolution: Resolution, rows: NDArray[Any]) -> BarSeries:
    def instants(name: str) -> TimeArray:
        return _EPOCH + rows[name].astype("timedelta64[us]")

    def numbers(name: str) -> FloatArray:
        return rows[name].astype(np.float64)

    return BarSeries(
        symbol, resolution, instants("starts_at"), instants("ends_at"), instants("known_at"),
        numbers("open"), numbers("high"), numbers("low"), numbers("close"), numbers("volume"),
    )  # fmt: skip
