"""CPU and memory of each program of a running desk, its forked tasks and Postgres included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
from trading.entrypoints.run_record import RunRecord


def families(state: Path) -> Mapping[str, list[psutil.Process]]:
    """Return the living processes of each program of the desk whose state folder this is."""
    kept = RunRecord.read(state).children
    found = {name: child.family() for name, child in kept.items() if child.is_alive()}
    return found | {"postgres": postgres_family(state)}


def postgres_family(state: Path) -> list[psutil.Process]:
    """Return the processes of the Postgres under a folder."""
    pid = int((state / "postgres" / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0])
    server = psutil.Process(pid)
    return [server, *server.children(recursive=True)]


def cpu_seconds(state: Path) -> dict[str, float]:
    """Return the CPU seconds of each program so far, those of its ended children included."""
    return {name: cpu_of(processes) for name, processes in families(state).items()}


def cpu_of(processes: list[psutil.Process]) -> float:
    """Return the CPU seconds of processes so far, those of their ended children included."""
    return _sum(processes, lambda p: sum(p.cpu_times()[:4]))


def proportional_mb(state: Path) -> dict[str, float]:
    """Return the memory of each program [MB]: what it shares counts once, split among those who share it (PSS)."""
    return {
        name: _sum(processes, lambda p: p.memory_full_info().pss / 1e6) for name, processes in families(state).items()
    }


def resident_mb(state: Path) -> dict[str, float]:
    """Return the resident memory of each program [MB], what it shares with others included."""
    return {name: _sum(processes, lambda p: p.memory_info().rss / 1e6) for name, processes in families(state).items()}


def _sum(processes: list[psutil.Process], of: Callable[[psutil.Process], float]) -> float:
    total = 0.0
    for process in processes:
        try:
            total += of(process)
        except psutil.NoSuchProcess:
            continue
    return total
