"""Counts the executed lines of chosen files, and kills the process at a chosen one."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from trading.drills import __path__ as drills_path

TOOL_ID = 4
"""Of the six tools that `sys.monitoring` knows, one that no debugger, profiler or coverage takes."""
_TRADING = Path(drills_path[0]).parent
WATCHED: Mapping[str, tuple[str, ...]] = {
    "tasks": (f"{_TRADING / 'tasks'}{os.sep}",),
    "adapter": (f"{_TRADING / 'adapters' / 'ibkr'}{os.sep}",),
    "store": (f"{_TRADING / 'adapters' / 'postgres_store'}{os.sep}",),
    "library": (f"{os.sep}ib_insync{os.sep}", f"{os.sep}ib_async{os.sep}"),
}
"""Group of code → what the path of its files holds."""


@dataclass(frozen=True, slots=True)
class KillPoint:
    """The `line`-th executed line [1…] of a group of `WATCHED`."""

    group: str
    line: int


def start_counting(kill_at: KillPoint | None) -> Counter[str]:
    """Return a counter of executed lines by group, which fills as the process runs; SIGKILL at `kill_at`."""
    counts: Counter[str] = Counter()
    groups: dict[str, str | None] = {}

    def on_line(code: CodeType, line: int) -> object:
        path = code.co_filename
        if path not in groups:
            groups[path] = group_of(path)
        group = groups[path]
        if group is None:
            return sys.monitoring.DISABLE
        counts[group] += 1
        if kill_at is not None and kill_at.group == group and kill_at.line == counts[group]:
            os.kill(os.getpid(), signal.SIGKILL)
        return None

    sys.monitoring.use_tool_id(TOOL_ID, "airdesk drill")
    sys.monitoring.register_callback(TOOL_ID, sys.monitoring.events.LINE, on_line)
    sys.monitoring.set_events(TOOL_ID, sys.monitoring.events.LINE)
    return counts


def group_of(path: str) -> str | None:
    """Return the group of `WATCHED` that a file belongs to, or None."""
    return next((group for group, parts in WATCHED.items() if any(part in path for part in parts)), None)
