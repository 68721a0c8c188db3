"""Runs: a column of a wide panel that keeps each stretch of equal values once."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NARROW_CELLS = 1 << 21
"""A column of so many cells is kept whole, which is faster; ten years of the desk's own list have a tenth of them."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Values of shape (times, symbols), symbol after symbol, each stretch of equal ones once.

    Attributes:
        values: of each run. counts: how many times each holds.
        firsts: place of each symbol's first run, and the number of runs.
    """

    values: NDArray[Any]
    counts: NDArray[np.int32]
    firsts: NDArray[np.intp]
    shape: tuple[int, int]

    def whole(self) -> NDArray[Any]:
        """Return every value, shape (times, symbols), symbol by symbol in memory."""
        return self.of(0, self.shape[1])

    def of(self, first: int, end: int) -> NDArray[Any]:
        """Return every value of the symbols from `first` up to `end`, shape (times, symbols)."""
        runs = slice(self.firsts[first], self.firsts[end])
        return np.repeat(self.values[runs], self.counts[runs]).reshape(end - first, self.shape[0]).T

    def at(self, row: int) -> NDArray[Any]:
        """Return the values of one time, shape (1, symbols)."""
        times, symbols = self.shape
        cells = row + times * np.arange(symbols)
        run = np.searchsorted(np.cumsum(self.counts), cells, side="right")
        return np.asarray(self.values[run][None, :])


def whole(column: NDArray[Any] | Runs) -> NDArray[Any]:
    """Return every value of a column, shape (times, symbols)."""
    return column.whole() if isinstance(column, Runs) else column


class Column:
    """Collects a column symbol by symbol, and never holds a wide one whole unless it has to."""

    def __init__(self, times: int, symbols: int, *, is_whole: bool = False, narrow_cells: int = NARROW_CELLS) -> None:
        """Expect `symbols` arrays of `times` values; up to `narrow_cells` of them are kept as they are."""
        self._shape = times, symbols
        self._is_wide, self._is_whole = times * symbols > narrow_cells, is_whole
        self._parts: list[NDArray[Any]] = []
        self._counts: list[NDArray[np.int32]] = []
        self._whole: NDArray[Any] | None = None

    def add(self, values: NDArray[Any]) -> None:
        """Add the values of the next symbol, shape (times,)."""
        if not self._is_wide:
            self._parts.append(values)
        elif self._whole is not None:
            self._whole[len(self._parts)] = values
            self._parts.append(values[:0])
        else:
            begins = _begins(values)
            if self._is_whole or 2 * len(begins) > len(values):
                self._unroll(values)
            else:
                self._parts.append(values[begins])
                self._counts.append(np.diff(begins, append=len(values)).astype(np.int32))

    def _unroll(self, values: NDArray[Any]) -> None:
        """Go on whole: what changes with every other time is not worth counting."""
        times, symbols = self._shape
        self._whole = np.empty((symbols, times), dtype=values.dtype)
        for place, (part, counts) in enumerate(zip(self._parts, self._counts, strict=True)):
            self._whole[place] = np.repeat(part, counts)
        self._counts = []
        self.add(values)

    def done(self) -> NDArray[Any] | Runs:
        """Return the column, shape (times, symbols)."""
        if self._whole is not None:
            return self._whole.T
        if not self._is_wide:
            return np.array(self._parts).T
        firsts = np.cumsum([0, *map(len, self._parts)])
        return Runs(np.concatenate(self._parts), np.concatenate(self._counts), firsts, self._shape)


def _begins(values: NDArray[Any]) -> NDArray[np.intp]:
    """Return where each run begins; unknown values are alike."""
    # As integers, so that NaN and NaT equal themselves.
    bits = values.view(np.int64) if values.dtype.itemsize == 8 else values
    return np.flatnonzero(np.concatenate([[True], bits[1:] != bits[:-1]]))


class Columns:
    """Columns by name, collected symbol by symbol."""

    def __init__(self, times: int, symbols: int, *, whole: Container[str] = ()) -> None:
        """Expect the columns of `symbols` symbols, each of `times` values; those in `whole` are read row by row."""
        self._shape, self._read_by_row = (times, symbols), whole
        self._columns: dict[str, Column] = {}

    def add(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Add the columns of the next symbol."""
        for name, values in columns.items():
            if name not in self._columns:
                self._columns[name] = Column(*self._shape, is_whole=name in self._read_by_row)
            self._columns[name].add(values)

    def done(self) -> dict[str, NDArray[Any] | Runs]:
        """Return the columns, each of shape (times, symbols)."""
        return {name: column.done() for name, column in self._columns.items()}
