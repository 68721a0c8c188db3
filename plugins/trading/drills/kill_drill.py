"""`airdesk drill kill`: the executor is killed, paused and cut off again and again; then the books are compared."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from trading.domain.market import Slot
from trading.domain.orders import OrderStatus
from trading.drills.attempt import Ended, EndKind
from trading.drills.checker import Violation, ViolationKind, check_sending, check_settled, parked
from trading.drills.databases import DrillDatabases
from trading.drills.disturbances import DISTURBANCES, MANNERS, Disturbed, Hazard, Memory, Step, Trouble
from trading.drills.world import Task, World, running_world, slots
from trading.tasks.execute import execute

HOURS_A_WORLD = 8
"""A session, and the first hour of the next one."""
KILLS_A_STEP = (1, 1, 1, 2, 3)
MAX_ATTEMPTS = 40
RETRY_SECONDS = 0.1
STUBBORN = frozenset({EndKind.PERMANENT, EndKind.BROKEN, EndKind.CRASHED, EndKind.HUNG})


@dataclass(slots=True)
class Tally:
    """What one world went through, and what came out of it.

    Attributes:
        hours: that were traded. retries: attempts after the first one of a task.
        orders, fills: at the gateway.
        denied: orders that a pre-trade check kept back.
        parked: orders of unknown fate, alarmed and never sent again.
    """

    hazard: Hazard
    number: int
    hours: int = 0
    kills: int = 0
    pauses: int = 0
    restarts: int = 0
    retries: int = 0
    orders: int = 0
    fills: int = 0
    denied: int = 0
    parked: int = 0
    seconds: float = 0.0
    violations: list[Violation] = field(default_factory=list)

    def add(self, disturbed: Disturbed) -> None:
        """Count a disturbance."""
        self.kills += disturbed.kills
        self.pauses += disturbed.pauses
        self.restarts += disturbed.restarts
        if disturbed.sent_after_the_fence:
            words = f"{disturbed.sent_after_the_fence} orders came from a copy that another one had replaced"
            self.violations.append(Violation(ViolationKind.DUPLICATE, words))


class WorldRun:
    """Trades the hours of one world under one kind of trouble."""

    def __init__(self, world: World, hazard: Hazard, memory: Memory, tally: Tally, draw: Random, kills: int) -> None:
        self._world, self._hazard, self._memory, self._tally, self._kills = world, hazard, memory, tally, kills
        self._trouble = Trouble(world, memory, draw)

    def run(self) -> None:
        """Trade until the hours or the kills are used up, an order is parked, or a promise is broken."""
        for slot in slots()[:HOURS_A_WORLD]:
            self._hour(slot)
            if self._tally.violations or self._tally.parked or self._tally.kills >= self._kills:
                return

    def _hour(self, slot: Slot) -> None:
        self._run_step(Step("sync", self._world.sync, slot))
        self._world.decide(slot)
        self._run_step(Step("execute", self._world.execute, slot))
        log, desk = self._world.log(), self._world.rows(slot)
        self._tally.violations += check_settled(log, desk, may_park=self._hazard is Hazard.SWALLOWS)
        self._tally.hours += 1
        self._tally.orders, self._tally.fills = len(log.orders), len(log.executions)
        self._tally.denied = sum(o.status is OrderStatus.DENIED for o in desk.orders)
        self._tally.parked = len(parked(desk))

    def _run_step(self, step: Step) -> None:
        """Attempt a task until it succeeds, as Airflow does, the first attempts disturbed."""
        disturbed_attempts = self._trouble.draw.choice(KILLS_A_STEP)
        for number in range(MAX_ATTEMPTS):
            self._tally.retries += number > 0
            ended = self._disturbed(step) if number < disturbed_attempts else self._undisturbed(step)
            if ended.kind is EndKind.DONE:
                return
            if ended.kind in STUBBORN:
                break
            time.sleep(RETRY_SECONDS if ended.kind is EndKind.TRANSIENT else 0)
        if ended.kind is EndKind.PERMANENT and self._hazard is Hazard.SWALLOWS:
            return  # the order of unknown fate ends the task; the check that follows finds it parked
        words = f"{step.name} of {step.slot.as_of:%Y-%m-%d %H:%M} UTC ended {ended.kind}: {ended.words}"
        self._tally.violations.append(Violation(ViolationKind.TASK, words))

    def _undisturbed(self, step: Step) -> Ended:
        return self._memory.undisturbed(self._world, step)

    def _disturbed(self, step: Step) -> Ended:
        if step.name not in self._memory.seconds:
            return self._undisturbed(step)
        done = DISTURBANCES[self._hazard](self._trouble, step)
        self._tally.add(done)
        if done.kills:
            self._tally.violations += check_sending(self._world.log(), self._world.rows(step.slot))
        return done.ended


def run_hazard(
    databases: DrillDatabases,
    hazard: Hazard,
    *,
    kills: int,
    seed: int,
    log_file: Path,
    report: Callable[[Tally], None],
    done: tuple[Tally, ...] = (),
    execute: Task = execute,
) -> None:
    """Run worlds until `kills` executors are dead in this hazard, or a promise is broken.

    Args:
        log_file: what the processes of the drill say.
        report: told after each world.
        done: worlds of an earlier run that was interrupted; they count.
    """
    memory = Memory()
    dead, number = sum(t.kills for t in done), len(done)
    while dead < kills:
        tally = Tally(hazard, number)
        started = time.monotonic()
        with running_world(databases, seed * 1000 + number, log_file=log_file, execute=execute) as world:
            if MANNERS[hazard]:
                world.gateway.behave(**MANNERS[hazard])
            WorldRun(world, hazard, memory, tally, Random(f"{seed}.{hazard}.{number}"), kills - dead).run()
        tally.seconds = time.monotonic() - started
        dead, number = dead + tally.kills, number + 1
        report(tally)
        if tally.violations:
            return
