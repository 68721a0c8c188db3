"""Runs: a column of a wide panel that keeps each stretch of equal values once; steps: the same of one symbol."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NARROW_CELLS = 1 << 21
"""A column of so many cells may stay whole, which is faster; ten years of the desk's own list have a tenth of them."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Values of one symbol that each hold for some times: a daily figure for the hours of its session.

    Attributes:
        values: of each step. begins: the first time of each, ascending from 0. times: number of times in all.
    """

    values: NDArray[Any]
    begins: NDArray[np.intp]
    times: int

    @classmethod
    def of(cls, values: NDArray[Any]) -> Steps:
        """Return the values of every time as steps; unknown ones are alike."""
        begins = step_begins(values)
        return cls(values[begins], begins, len(values))

    def whole(self) -> NDArray[Any]:
        """Return the value of every time."""
        return np.repeat(self.values, self.counts())

    def counts(self) -> NDArray[np.int32]:
        """Return for how many times each step holds."""
        counts = np.empty(len(self.begins), dtype=np.int32)
        counts[:-1] = self.begins[1:] - self.begins[:-1]
        counts[-1:] = self.times - self.begins[-1:]
        return counts

    def merged(self) -> Steps:
        """Return the same with no two equal steps after each other."""
        first = step_begins(self.values)
        return self if len(first) == len(self.begins) else Steps(self.values[first], self.begins[first], self.times)


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
        times, symbols = self.shape
        return np.repeat(self.values, self.counts).reshape(symbols, times).T

    def part(self, first: int, end: int) -> Runs:
        """Return the symbols from `first` up to `end`, without copying."""
        runs = slice(self.firsts[first], self.firsts[end])
        firsts = self.firsts[first : end + 1] - self.firsts[first]
        return Runs(self.values[runs], self.counts[runs], firsts, (self.shape[0], end - first))

    def at(self, row: int) -> NDArray[Any]:
        """Return the values of one time, shape (1, symbols)."""
        times, symbols = self.shape
        cells = row + times * np.arange(symbols)
        run = np.searchsorted(np.cumsum(self.counts), cells, side="right")
        return np.asarray(self.values[run][None, :])


def whole(column: NDArray[Any] | Runs | Steps) -> NDArray[Any]:
    """Return every value of a column, shape (times, symbols), or of one symbol, shape (times,)."""
    return column if isinstance(column, np.ndarray) else column.whole()


def step_begins(*changing: NDArray[Any]) -> NDArray[np.intp]:
    """Return the first time, and each one at which any of these arrays of one length differs from the time before."""
    differs = np.zeros(len(changing[0]), dtype=bool)
    differs[:1] = True
    for values in changing:
        bits = _bits(values)
        differs[1:] |= bits[1:] != bits[:-1]
    return np.flatnonzero(differs)


class Column:
    """Collects a column symbol by symbol: steps stay steps, and a wide one is never held whole unless it has to be."""

    def __init__(self, times: int, symbols: int, *, is_whole: bool = False, narrow_cells: int = NARROW_CELLS) -> None:
        """Expect `symbols` arrays of `times` values; up to `narrow_cells` of them are kept as they are."""
        self._shape = times, symbols
        self._is_wide, self._is_whole = times * symbols > narrow_cells, is_whole
        self._parts: list[NDArray[Any]] = []
        self._counts: list[NDArray[np.int32]] = []
        self._whole: NDArray[Any] | None = None

    def add(self, values: NDArray[Any] | Steps) -> None:
        """Add the values of the next symbol, shape (times,)."""
        if self._whole is not None:
            self._whole[len(self._parts)] = whole(values)
            self._parts.append(self._whole[0, :0])
        elif self._is_whole or not (self._is_wide or isinstance(values, Steps)):
            self._unroll(values)
        else:
            steps = values.merged() if isinstance(values, Steps) else Steps.of(values)
            if 2 * len(steps.values) > steps.times:
                self._unroll(values)
            else:
                self._parts.append(steps.values)
                self._counts.append(steps.counts())

    def _unroll(self, values: NDArray[Any] | Steps) -> None:
        """Go on whole: what changes with every other time is not worth counting."""
        times, symbols = self._shape
        dtype = values.values.dtype if isinstance(values, Steps) else values.dtype
        self._whole = np.empty((symbols, times), dtype=dtype)
        for place, (part, counts) in enumerate(zip(self._parts, self._counts, strict=True)):
            self._whole[place] = np.repeat(part, counts)
        self._counts = []
        self.add(values)

    def done(self) -> NDArray[Any] | Runs:
        """Return the column, shape (times, symbols)."""
        if self._whole is not None:
            return self._whole.T
        firsts = np.cumsum([0, *map(len, self._parts)])
        return Runs(np.concatenate(self._parts), np.concatenate(self._counts), firsts, self._shape)


def _bits(values: NDArray[Any]) -> NDArray[Any]:
    """Return values as integers, so that NaN and NaT equal themselves."""
    return values.view(np.int64) if values.dtype.itemsize == 8 else values


class Columns:
    """Columns by name, collected symbol by symbol."""

    def __init__(self, times: int, symbols: int, *, whole: Container[str] = ()) -> None:
        """Expect the columns of `symbols` symbols, each of `times` values; those in `whole` are read row by row."""
        self._shape, self._read_by_row = (times, symbols), whole
        self._columns: dict[str, Column] = {}

    def add(self, columns: Mapping[str, NDArray[Any] | Steps]) -> None:
        """Add the columns of the next symbol."""
        for name, values in columns.items():
            if name not in self._columns:
                self._columns[name] = Column(*self._shape, is_whole=name in self._read_by_row)
            self._columns[name].add(values)

    def done(self) -> dict[str, NDArray[Any] | Runs]:
        """Return the columns, each of shape (times, symbols)."""
        return {name: column.done() for name, column in self._columns.items()}
