"""One attempt of one task, as a process of its own that a drill may kill, pause and continue."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from multiprocessing.connection import Connection
from pathlib import Path

from trading.drills.line_counter import KillPoint, start_counting
from trading.drills.speech import speak_into
from trading.errors import AirdeskError, InvariantBroken, TransientError

WAIT_SECONDS = 90.0
"""An attempt that takes longer hangs, which is a violation of its own."""

type Step = Callable[[], object]
"""A task with its arguments."""


class EndKind(StrEnum):
    """How an attempt ended; Airflow retries KILLED and TRANSIENT."""

    DONE = "done"
    KILLED = "killed"
    TRANSIENT = "transient"
    PERMANENT = "permanent"
    BROKEN = "broken"
    CRASHED = "crashed"
    HUNG = "hung"


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of an attempt.

    Attributes:
        words: what the error said; empty without one.
        lines: executed lines by group, of an attempt that ended by itself.
    """

    kind: EndKind
    words: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)


class Attempt:
    """A running attempt, forked from a process that has everything imported."""

    def __init__(self, step: Step, *, log_file: Path, kill_at: KillPoint | None = None) -> None:
        forking = multiprocessing.get_context("fork")
        self._answer, told = forking.Pipe(duplex=False)
        self._process = forking.Process(target=_run, args=(step, log_file, kill_at, told), daemon=True)
        self._process.start()
        told.close()
        self._ended: Ended | None = None

    def __enter__(self) -> Attempt:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._ended is None:
            self._process.kill()
            self.wait()

    def wait(self, seconds: float = WAIT_SECONDS) -> Ended:
        """Return how it ended; one that does not end in time is killed and HUNG."""
        if self._ended is None:
            self._ended = self._end_of(seconds)
            self._answer.close()
            self._process.close()
        return self._ended

    def _end_of(self, seconds: float) -> Ended:
        self._process.join(seconds)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
            return Ended(EndKind.HUNG, f"no end within {seconds:g} s")
        try:
            ended: Ended = self._answer.recv()
        except EOFError:
            is_killed = self._process.exitcode == -signal.SIGKILL
            return Ended(EndKind.KILLED if is_killed else EndKind.CRASHED, f"exit code {self._process.exitcode}")
        return ended

    def kill_after(self, seconds: float) -> Ended:
        """SIGKILL it after so long, unless it ends before."""
        self._process.join(seconds)
        self._process.kill()
        return self.wait()

    def runs_for(self, seconds: float) -> bool:
        """Wait so long; whether it still runs."""
        self._process.join(seconds)
        return self._process.is_alive()

    def pause(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        # One that ended by itself meanwhile may be reaped already.
        if self._process.is_alive() and self._process.pid is not None:
            os.kill(self._process.pid, number)


def _run(step: Step, log_file: Path, kill_at: KillPoint | None, answer: Connection) -> None:
    speak_into(log_file)
    # The parent's loop shares its selector with every fork of it.
    asyncio.set_event_loop(asyncio.new_event_loop())
    lines = start_counting(kill_at)
    try:
        step()
    except TransientError as later:
        ended = Ended(EndKind.TRANSIENT, str(later))
    except InvariantBroken as broken:
        ended = Ended(EndKind.BROKEN, str(broken))
    except AirdeskError as refused:
        ended = Ended(EndKind.PERMANENT, str(refused))
    else:
        ended = Ended(EndKind.DONE, lines=dict(lines))
    answer.send(ended)
