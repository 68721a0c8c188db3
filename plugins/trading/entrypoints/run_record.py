"""What runs in a state folder: a lock that dies with its holder, and the pids that the next start must know."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO

from trading.entrypoints.checkout import write_private
from trading.entrypoints.processes import ProcessRecord


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The desk that runs here, or that ran here when its supervisor was killed.

    Attributes:
        supervisor: the process that watches; None before the first run.
        children: what it started, by name.
        url: address of the Airflow UI; empty until it is known.
        exports: settings that the other commands of this checkout take over, e.g. the gateway's port; no secrets.
    """

    supervisor: ProcessRecord | None = None
    children: dict[str, ProcessRecord] = field(default_factory=dict)
    url: str = ""
    exports: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, state: Path) -> RunRecord:
        """Return what the last run wrote; an empty record if there is none or it cannot be read."""
        try:
            stored = json.loads((state / "run.json").read_text(encoding="utf-8"))
            supervisor = ProcessRecord(**stored["supervisor"]) if stored["supervisor"] else None
            children = {name: ProcessRecord(**child) for name, child in stored["children"].items()}
            return cls(supervisor, children, stored["url"], stored["exports"])
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def write(self, state: Path) -> None:
        """Store the record at once."""
        write_private(state / "run.json", json.dumps(asdict(self), indent=1))

    def with_child(self, name: str, child: ProcessRecord) -> RunRecord:
        """Return the record with one child more, or with a new one of that name."""
        return replace(self, children={**self.children, name: child})


@contextmanager
def run_lock(state: Path) -> Iterator[bool]:
    """Hold the lock of a state folder; gives False when another process holds it."""
    with (state / "run.lock").open("a") as file:
        yield _locked(file)


def _locked(file: IO[str]) -> bool:
    # `is_running` holds a shared lock for an instant: one refusal may be that.
    for _ in range(5):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


def is_running(state: Path) -> bool:
    """Return whether a supervisor holds the folder's lock now."""
    try:
        with (state / "run.lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def this_process() -> ProcessRecord:
    """Return the record of the calling process."""
    return ProcessRecord.of(os.getpid(), str(Path.cwd()))
