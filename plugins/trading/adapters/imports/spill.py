"""Rows of bars sorted out by symbol, in memory up to a limit and in a temporary file beyond it.

A file may hold its symbols in any order, while bars are checked symbol by symbol; 56 bytes a row on disk keep the
memory bounded whatever the size and the order of the file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trading.domain.instruments import Symbol

ROWS_IN_MEMORY = 200_000
ROW = np.dtype([("number", "i8"), ("at", "i8"), *((n, "f8") for n in ("open", "high", "low", "close", "volume"))])
"""`number`: line or row of the file. `at`: what the writer makes of it, a day or an instant."""

type SpilledRow = tuple[int, int, float, float, float, float, float]


class Spill:
    """Rows by symbol; a context manager, because it owns a temporary file."""

    def __init__(self, rows_in_memory: int = ROWS_IN_MEMORY) -> None:
        self._limit = rows_in_memory
        self._held: dict[Symbol, list[SpilledRow]] = {}
        self._held_count = 0
        self._pieces: dict[Symbol, list[tuple[int, int]]] = {}
        # Unbuffered: whole pieces are written and read.
        self._file = tempfile.TemporaryFile(prefix="airdesk-import-", buffering=0)  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Symbol]:
        """Yield the symbols in the order of their first row."""
        return iter(self._pieces)

    def add(self, symbol: Symbol, row: SpilledRow) -> None:
        """Keep a row of `symbol`."""
        self._pieces.setdefault(symbol, [])
        self._held.setdefault(symbol, []).append(row)
        self._held_count += 1
        if self._held_count >= self._limit:
            self._write_out()

    def of(self, symbol: Symbol) -> NDArray[Any]:
        """Return the rows of `symbol` in the order of the file."""
        parts = []
        for offset, count in self._pieces[symbol]:
            self._file.seek(offset)
            parts.append(np.frombuffer(self._read(count * ROW.itemsize), dtype=ROW))
        return np.concatenate([*parts, np.array(self._held.get(symbol, []), dtype=ROW)])

    def _write_out(self) -> None:
        end = self._file.seek(0, 2)
        for symbol, held in self._held.items():
            data = memoryview(np.array(held, dtype=ROW).tobytes())
            self._pieces[symbol].append((end, len(held)))
            end += len(data)
            while data:
                data = data[self._file.write(data) :]
        self._held.clear()
        self._held_count = 0

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            data += self._file.read(size - len(data))
        return bytes(data)
