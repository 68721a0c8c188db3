"""Starts the desk's programs, restarts one that dies, and leaves nothing running.

`airflow standalone` is not used: ended by a signal it orphans its children, and it never restarts one.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trading.entrypoints.checkout import Checkout
from trading.entrypoints.processes import ProcessRecord, stop_family
from trading.entrypoints.run_record import RunRecord, this_process
from trading.errors import PermanentError

RESTARTS_ALLOWED = 5
LONGEST_PAUSE_SECONDS = 300.0
STOP_GRACE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Program:
    """One program to keep alive.

    Attributes:
        arguments: what follows `python`.
        stop_rank: programs of a lower rank end first; a task still reports to the api-server while it ends.
        is_vital: whether the desk ends when it ends again and again; what only talks to people is not, and is started
            again for ever.
    """

    name: str
    arguments: tuple[str, ...]
    stop_rank: int = 0
    is_vital: bool = True


class Supervisor:
    """Owns the child processes of one state folder. Its methods may be called from any thread."""

    def __init__(self, checkout: Checkout, *, say: Callable[[str], None]) -> None:
        self._checkout = checkout
        self._say = say
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._programs: dict[str, tuple[Program, Mapping[str, str]]] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._restarts: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self._record = RunRecord(this_process())
        self._record.write(checkout.state)
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self.given_up: str | None = None
        self._watcher.start()

    def publish(self, *, url: str = "", exports: Mapping[str, str] | None = None) -> None:
        """Write down what other commands may know about this run."""
        with self._lock:
            kept = self._record
            self._record = replace(kept, url=url or kept.url, exports={**kept.exports, **(exports or {})})
            self._record.write(self._checkout.state)

    def keep(self, program: Program, environment: Mapping[str, str]) -> None:
        """Start a program and start it again whenever it ends."""
        with self._lock:
            if not self._stopping.is_set():
                self._start(program, environment)
                self._programs[program.name] = (program, environment)

    def run_once(self, program: Program, environment: Mapping[str, str]) -> None:
        """Run a program to its end.

        Raises:
            PermanentError: it failed, or the desk is being stopped; the text names the log.
        """
        with self._lock:
            process = self._start(program, environment)
        while process.poll() is None and not self._stopping.wait(0.1):
            pass
        if process.poll() is None:
            stop_family(self._record.children[program.name], grace_seconds=5)
            self.check()
        if process.wait():
            raise PermanentError(f"{program.name} failed; read {self.log_of(program.name)}, then start again")

    def check(self) -> None:
        """Raise `PermanentError` if a program died too often or the desk is being stopped."""
        if self.given_up:
            name = self.given_up
            raise PermanentError(f"{name} keeps ending at once; read {self.log_of(name)}, then start again")
        if self._stopping.is_set():
            raise PermanentError("the desk is being stopped; start again")

    def log_of(self, name: str) -> Path:
        """Return a program's log file."""
        return self._checkout.logs / f"{name}.log"

    def stop(self) -> None:
        """End every program, the lower ranks first, and everything that they left behind."""
        self._stopping.set()
        self._watcher.join(timeout=5)
        with self._lock:
            ranks = sorted({program.stop_rank for program, _ in self._programs.values()})
            for rank in ranks:
                names = [name for name, (program, _) in self._programs.items() if program.stop_rank == rank]
                _stop_together([self._record.children[name] for name in names])
            for process in self._processes.values():
                process.wait()
            self._record = RunRecord(self._record.supervisor)
            self._record.write(self._checkout.state)

    def _start(self, program: Program, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with self.log_of(program.name).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
                [sys.executable, *program.arguments],
                env=dict(environment),
                cwd=self._checkout.airflow_home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes[program.name] = process
        child = ProcessRecord.of(process.pid, str(self._checkout.airflow_home))
        self._record = self._record.with_child(program.name, child)
        self._record.write(self._checkout.state)
        return process

    def _watch(self) -> None:
        while not self._stopping.wait(0.5):
            with self._lock:
                watched = [(*kept, self._processes[name]) for name, kept in self._programs.items()]
            for program, environment, process in watched:
                if process.poll() is None:
                    continue
                if not program.is_vital:
                    self._revive_later(program, environment, process.returncode)
                elif not self._revive(program, environment, process.returncode):
                    return

    def _revive(self, program: Program, environment: Mapping[str, str], code: int) -> bool:
        count = self._restarts[program.name] = self._restarts.get(program.name, 0) + 1
        # A killed scheduler leaves its workers behind; they would run tasks beside the new one's.
        stop_family(self._record.children[program.name], grace_seconds=0)
        if count > RESTARTS_ALLOWED:
            self.given_up = program.name
            return False
        self._say(f"{program.name} ended with code {code}; starting it again ({count} of {RESTARTS_ALLOWED})")
        if not self._stopping.wait(min(30, 2**count)):
            with self._lock:
                self._start(program, environment)
        return True

    def _revive_later(self, program: Program, environment: Mapping[str, str], code: int) -> None:
        """Start a program again after a pause in which the vital ones are watched all the same."""
        due = self._due.get(program.name)
        if due is None:
            count = self._restarts[program.name] = self._restarts.get(program.name, 0) + 1
            stop_family(self._record.children[program.name], grace_seconds=0)
            pause = min(LONGEST_PAUSE_SECONDS, 2.0 ** min(count, 20))
            self._due[program.name] = time.monotonic() + pause
            self._say(f"{program.name} ended with code {code}; starting it again in {pause:.0f} s")
        elif time.monotonic() >= due:
            del self._due[program.name]
            with self._lock:
                if not self._stopping.is_set():
                    self._start(program, environment)


def _stop_together(children: list[ProcessRecord]) -> None:
    threads = [
        threading.Thread(target=stop_family, args=(child,), kwargs={"grace_seconds": STOP_GRACE_SECONDS})
        for child in children
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def stop_leftovers(state: Path) -> list[str]:
    """End what a killed supervisor left running in this folder; returns the names. Call with the run lock held."""
    children = RunRecord.read(state).children
    stopped = [name for name, child in children.items() if stop_family(child, grace_seconds=5)]
    RunRecord().write(state)
    return stopped
