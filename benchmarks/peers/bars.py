"""SYNTHETIC bars for comparing programs: seeded random walks with regimes, seven hours a session.

Opens stand on multiples of 0.20 USD, so that an open moved by 5 basis points has at most four decimals: a program that
keeps prices in decimals and one that keeps them in floats then fill at the same price.

    python bars.py bars.npz --symbols 10 --years 1 [--seed 7]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from common import Bars
from numpy.typing import NDArray

BARS_A_SESSION, SESSIONS_A_YEAR = 7, 252
OPEN_TICK = 0.20
FIRST_ON = np.datetime64("2016-01-04")


def generated(symbols: int, years: float, seed: int = 7, times: NDArray[np.datetime64] | None = None) -> Bars:
    """Return bars of `symbols` symbols, the same for the same arguments.

    Args:
        times: starts of the bars, UTC; weekdays from 14:30 on where none are given.
    """
    starts = _weekday_hours(round(years * SESSIONS_A_YEAR)) if times is None else times
    rng = np.random.default_rng(seed)
    shape = (len(starts), symbols)
    drift, deviation = _regimes(rng, shape)
    walk = np.cumsum(drift + deviation * rng.standard_normal(shape), axis=0)
    close = np.maximum(np.round(rng.uniform(90.0, 400.0, symbols) * np.exp(walk), 2), 5.0)
    before = np.vstack([close[:1], close[:-1]])
    gap = 1.0 + 0.25 * deviation * rng.standard_normal(shape)
    opened = np.maximum(np.round(before * gap / OPEN_TICK), 1.0) * OPEN_TICK
    opened = np.round(opened, 2)
    reach = deviation * np.abs(rng.standard_normal(shape))
    high = np.round(np.maximum(opened, close) * (1.0 + reach), 2)
    low = np.round(np.minimum(opened, close) * (1.0 - reach), 2)
    names = tuple(f"S{number:03d}" for number in range(symbols))
    return Bars(starts, names, opened, np.maximum(high, np.maximum(opened, close)), np.maximum(low, 0.01), close)


def _regimes(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return drift and deviation of each bar: calm rises, falls and wild stretches of some weeks each."""
    drifts = np.array([0.0007, 0.0002, -0.0006, 0.0])
    deviations = np.array([0.006, 0.004, 0.008, 0.016])
    rows, columns = shape
    kind = np.zeros(shape, dtype=np.int64)
    for column in range(columns):
        row = 0
        while row < rows:
            length = int(rng.integers(100, 600))
            kind[row : row + length, column] = rng.integers(0, len(drifts))
            row += length
    return drifts[kind], deviations[kind]


def _weekday_hours(sessions: int) -> NDArray[np.datetime64]:
    days = np.busday_offset(FIRST_ON, np.arange(sessions))
    minutes = np.timedelta64(14 * 60 + 30, "m") + np.arange(BARS_A_SESSION) * np.timedelta64(60, "m")
    return (days.astype("datetime64[m]")[:, None] + minutes).ravel().astype("datetime64[us]")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--symbols", type=int, default=10)
    parser.add_argument("--years", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    generated(options.symbols, options.years, options.seed).save(options.file)
