"""What every program of this folder shares: the numbers of the spec, the bars that it reads, the report that it writes.

NumPy and the standard library only, because each program runs in an environment of its own.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FAST, SLOW, RSI_BARS = 50, 200, 14
MAX_RSI = 70.0
TRAIL_FRAC, TARGET_FRAC = 0.12, 0.25
WEIGHT_FRAC = 0.08
SLIPPAGE_FRAC = 0.0005
CASH_USD = 100_000.0

BUY, SELL = "BUY", "SELL"
type Fill = tuple[int, str, str, int, float]
"""(bar, symbol, side, shares, price [USD/share])."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of all symbols: arrays of shape (bars, symbols), prices in USD/share; `times` are the starts, UTC."""

    times: NDArray[np.datetime64]
    symbols: tuple[str, ...]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]

    @classmethod
    def load(cls, path: Path) -> Bars:
        """Return the bars of an .npz file."""
        with np.load(path) as stored:
            prices = {name: stored[name] for name in ("open", "high", "low", "close")}
            return cls(stored["times"], tuple(stored["symbols"].tolist()), **prices)

    def save(self, path: Path) -> None:
        """Write the bars to an .npz file."""
        prices = {name: getattr(self, name) for name in ("open", "high", "low", "close")}
        np.savez(path, times=self.times, symbols=np.array(self.symbols), **prices)

    def first(self, rows: int) -> Bars:
        """Return the first `rows` bars."""
        prices = {name: np.ascontiguousarray(getattr(self, name)[:rows]) for name in ("open", "high", "low", "close")}
        return Bars(self.times[:rows], self.symbols, **prices)


@dataclass(frozen=True, slots=True)
class Run:
    """What a program did with the bars."""

    fills: list[Fill]
    final_equity_usd: float


def program(name: str, run: Callable[[Bars], Run], *, warm_up: Callable[[Bars], None] | None = None) -> None:
    """Run `python PROGRAM bars.npz out.json`: read, run, write.

    Args:
        name: distribution whose version is reported; "" for none.
        run: what is timed: feed, indicators and engine.
        warm_up: compiles what needs compiling; its seconds are told apart.
    """
    if len(sys.argv) != 3:
        sys.exit(f"usage: python {Path(sys.argv[0]).name} bars.npz out.json")
    bars = Bars.load(Path(sys.argv[1]))
    jit_seconds = _cpu_of(lambda: warm_up(bars))[1] if warm_up is not None else 0.0
    done, cpu_seconds = _cpu_of(lambda: run(bars))
    report = {
        "program": Path(sys.argv[0]).stem,
        "version": version(name) if name else "",
        "fills": done.fills,
        "final_equity_usd": done.final_equity_usd,
        "cpu_seconds": cpu_seconds,
        "jit_seconds": jit_seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    Path(sys.argv[2]).write_text(json.dumps(report), encoding="utf-8")


def _cpu_of[Answer](work: Callable[[], Answer]) -> tuple[Answer, float]:
    started = time.process_time()
    answer = work()
    return answer, time.process_time() - started
