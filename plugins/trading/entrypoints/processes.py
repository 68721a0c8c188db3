"""Processes by identity: a pid alone may have been given to somebody else since it was written down."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A process that we started.

    Attributes:
        pid: process id, which is also the id of its session and group.
        started_at: its start in seconds since the epoch, as the system tells it.
        folder: its working directory; orphans of the session are known by it.
    """

    pid: int
    started_at: float
    folder: str

    @classmethod
    def of(cls, pid: int, folder: str) -> ProcessRecord:
        """Return the record of a process that runs now."""
        return cls(pid, psutil.Process(pid).create_time(), folder)

    def is_alive(self) -> bool:
        """Return whether this very process still runs."""
        try:
            process = psutil.Process(self.pid)
            return bool(process.create_time() == self.started_at and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def is_reused(self) -> bool:
        """Return whether the pid now belongs to another process."""
        try:
            return bool(psutil.Process(self.pid).create_time() != self.started_at)
        except psutil.NoSuchProcess:
            return False

    def family(self) -> list[psutil.Process]:
        """Return every living process of this one's session, orphans of a dead leader included."""
        if self.is_reused():
            return []
        return [process for process in psutil.process_iter() if self._is_member(process)]

    def _is_member(self, process: psutil.Process) -> bool:
        try:
            if os.getsid(process.pid) != self.pid or process.status() == psutil.STATUS_ZOMBIE:
                return False
            return bool(process.pid == self.pid or process.cwd() == self.folder)
        except (psutil.Error, OSError):
            return False


def stop_family(record: ProcessRecord, *, grace_seconds: float) -> bool:
    """Ask a process and its session to end, then end them; returns whether there was anything to stop."""
    family = record.family()
    for process in family:
        if process.pid == record.pid or not record.is_alive():
            _signal(process, signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=grace_seconds)
    for process in {*alive, *record.family()}:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=5)
    return bool(family)


def wait_until_gone(record: ProcessRecord, *, timeout_seconds: float) -> bool:
    """Return whether the process ended within the time."""
    deadline = time.monotonic() + timeout_seconds
    while record.is_alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
