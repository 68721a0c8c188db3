"""How an attempt is disturbed: one function per hazard of the kill drill."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import count, cycle
from random import Random

from trading.domain.market import Slot
from trading.drills.attempt import Attempt, Ended, EndKind
from trading.drills.databases import drop_sessions
from trading.drills.line_counter import WATCHED, KillPoint
from trading.drills.world import BOOK, Task, World, spec

GOLDEN = 0.618033988749895
"""Its multiples, modulo 1, cover [0, 1) evenly however many are taken."""
OVERSHOOT = 1.1
FIRST_GUESS_SECONDS = 0.3
KILLED_SHARE = 0.7
"""Share of gateway restarts that happen right after the death of the executor."""


class Hazard(StrEnum):
    """What happens to the executor."""

    LINES = "lines"
    TIMES = "times"
    RESTARTS = "restarts"
    SWALLOWS = "swallows"
    TWO_COPIES = "two-copies"


MANNERS: dict[Hazard, dict[str, float]] = {
    Hazard.LINES: {},
    Hazard.TIMES: {"hold_orders_seconds": 0.05},
    Hazard.RESTARTS: {"hold_orders_seconds": 0.05},
    Hazard.SWALLOWS: {"hold_orders_seconds": 0.05, "swallow_frac": 0.03},
    Hazard.TWO_COPIES: {"hold_orders_seconds": 0.05},
}
"""How the gateway behaves under each hazard."""


class Cut(StrEnum):
    """What a paused copy loses while it sleeps."""

    NOTHING = "nothing"
    DATABASE = "database"
    BOTH = "database and broker"


@dataclass(frozen=True, slots=True)
class Step:
    """One task at one hour."""

    name: str
    task: Task
    slot: Slot

    def attempt(self, world: World, *, is_second: bool = False, kill_at: KillPoint | None = None) -> Attempt:
        """Start a copy of it."""
        services = world.impatient if is_second else world.services
        task = partial(self.task, services, spec(), BOOK, self.slot)
        return Attempt(task, log_file=world.log_file, kill_at=kill_at)


@dataclass(slots=True)
class Memory:
    """What undisturbed attempts taught: how long a task is, in lines and in seconds."""

    lines: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    seconds: dict[str, float] = field(default_factory=dict)
    groups: Iterator[str] = field(default_factory=lambda: cycle(WATCHED))
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def undisturbed(self, world: World, step: Step) -> Ended:
        """Let an attempt run to its end and remember its length."""
        started = time.monotonic()
        ended = step.attempt(world).wait()
        if ended.kind is EndKind.DONE:
            self.seconds[step.name] = time.monotonic() - started
            self.lines[step.name] = dict(ended.lines)
        return ended

    def next_point(self, step: Step) -> KillPoint:
        """Return where the next attempt dies: the groups in turn, evenly over the lines of each."""
        group = next(self.groups)
        length = self.lines[step.name].get(group, 1)
        return KillPoint(group, 1 + int(next(self.numbers) * GOLDEN % 1 * length))


@dataclass(slots=True)
class Disturbed:
    """What one disturbance did.

    Attributes:
        ended: how the attempt that counts ended.
        kills: executors killed. pauses: executors stopped and continued. restarts: of the gateway.
        sent_after_the_fence: orders of a copy that had lost its right to send.
    """

    ended: Ended
    kills: int = 0
    pauses: int = 0
    restarts: int = 0
    sent_after_the_fence: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Whom to disturb, and with which luck."""

    world: World
    memory: Memory
    draw: Random

    def moment(self, step: Step) -> float:
        """Return when to strike, in seconds after the start of an attempt."""
        return self.draw.uniform(0, OVERSHOOT * self.memory.seconds.get(step.name, FIRST_GUESS_SECONDS))


def at_a_line(trouble: Trouble, step: Step) -> Disturbed:
    """Kill at an executed line."""
    ended = step.attempt(trouble.world, kill_at=trouble.memory.next_point(step)).wait()
    return _killed_once(ended)


def at_a_time(trouble: Trouble, step: Step) -> Disturbed:
    """Kill at a random time, while the gateway holds each order."""
    return _killed_once(step.attempt(trouble.world).kill_after(trouble.moment(step)))


def with_a_restart(trouble: Trouble, step: Step) -> Disturbed:
    """Restart the gateway in the middle, so that what is in the pipe is lost; more often than not, kill first."""
    is_hard, is_killed = trouble.draw.random() < 0.5, trouble.draw.random() < KILLED_SHARE
    with step.attempt(trouble.world) as attempt:
        if not attempt.runs_for(trouble.moment(step)):
            return Disturbed(attempt.wait())
        if is_killed:
            attempt.kill_after(0)
        trouble.world.gateway.restart(hard=is_hard)
        ended = attempt.wait()
    return Disturbed(ended, kills=ended.kind is EndKind.KILLED, restarts=1)


def with_a_second_copy(trouble: Trouble, step: Step) -> Disturbed:
    """Pause a copy, let others run (one of them is killed), then continue it.

    What the sleeping copy may lose meanwhile is drawn: nothing, so that its lock and its client id keep the others
    out; its database sessions, so that a newer writer fences it; or its broker connection too, so that the newer
    writer finishes the work before it wakes.
    """
    world, cut = trouble.world, trouble.draw.choice(list(Cut))
    with step.attempt(world) as first:
        if not first.runs_for(trouble.moment(step)):
            return Disturbed(first.wait())
        first.pause()
        if cut is not Cut.NOTHING:
            drop_sessions(world.url)
        if cut is Cut.BOTH:
            world.gateway.tell("drop_clients")
        killed = step.attempt(world, is_second=True).kill_after(trouble.moment(step))
        last = step.attempt(world, is_second=True).wait()
        before = len(world.log().orders)
        first.resume()
        woken = first.wait()
    is_finished = last.kind is EndKind.DONE
    # The copy that slept may fail or succeed, but neither break the books nor fall over.
    is_sound = woken.kind not in (EndKind.BROKEN, EndKind.CRASHED, EndKind.HUNG)
    return Disturbed(
        ended=last if is_finished and is_sound else woken,
        kills=killed.kind is EndKind.KILLED,
        pauses=1,
        sent_after_the_fence=len(world.log().orders) - before if is_finished else 0,
    )


DISTURBANCES: dict[Hazard, Callable[[Trouble, Step], Disturbed]] = {
    Hazard.LINES: at_a_line,
    Hazard.TIMES: at_a_time,
    Hazard.RESTARTS: with_a_restart,
    Hazard.SWALLOWS: at_a_time,
    Hazard.TWO_COPIES: with_a_second_copy,
}


def _killed_once(ended: Ended) -> Disturbed:
    return Disturbed(ended, kills=ended.kind is EndKind.KILLED)
