"""CPU and wall seconds of a piece of work, and the few lines that every benchmark prints about itself."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from trading.domain.market import SYNTHETIC


@dataclass(frozen=True, slots=True)
class Seconds:
    """What one piece of work took.

    Attributes:
        cpu: user and system time of this process; child processes and the Postgres server are outside.
        wall: elapsed time.
    """

    cpu: float
    wall: float


def timed[Answer](work: Callable[[], Answer]) -> tuple[Answer, Seconds]:
    """Return what `work` returned, and its seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    answer = work()
    return answer, Seconds(time.process_time() - cpu, time.perf_counter() - wall)


def middle(runs: list[Seconds]) -> Seconds:
    """Return the medians of CPU and wall seconds."""
    return Seconds(median(r.cpu for r in runs), median(r.wall for r in runs))


def heading(what: str) -> str:
    """Return the line above a table: what ran, on which day, on how many cores, and that the data are invented."""
    load = os.getloadavg()[0]
    return (
        f"{SYNTHETIC} {what}; {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {load:.1f}, "
        f"Python {platform.python_version()}"
    )
