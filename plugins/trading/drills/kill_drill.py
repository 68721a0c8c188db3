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
from trading.drills.records import DeskRows, GatewayLog
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
        lines: executed by the longest attempt that nothing disturbed, in the files of `line_counter.WATCHED`.
        hours: that were traded. retries: attempts after the first one of a task.
        orders, fills: at the gateway.
        denied: orders that a pre-trade check kept back.
        parked: orders of unknown fate, alarmed and never sent again.
    """

    hazard: Hazard
    number: int
    lines: int = 0
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
        self._excused: list[Violation] = []

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
        desk = self._world.rows(slot)
        if parked(desk):
            self._recover(slot)
        elif self._excused:
            self._tally.violations += self._excused
        self._judge(slot)

    def _recover(self, slot: Slot) -> None:
        """Let the next hour's first task look at what vanished, and protect what lost its protection with it."""
        self._world.gateway.behave(**MANNERS[Hazard.TIMES])
        ended = Step("sync", self._world.sync, _after(slot)).attempt(self._world).wait()
        if ended.kind is not EndKind.DONE:
            words = f"sync after a vanished order ended {ended.kind}: {ended.words}"
            self._tally.violations.append(Violation(ViolationKind.TASK, words))

    def _judge(self, slot: Slot) -> None:
        """Compare both sides and count."""
        tally, log, desk = self._tally, self._world.log(), self._world.rows(slot)
        tally.violations += check_settled(log, desk, may_park=self._hazard is Hazard.SWALLOWS)
        tally.hours += 1
        tally.lines = max((sum(lines.values()) for lines in self._memory.lines.values()), default=0)
        tally.orders, tally.fills = len(log.orders), len(log.executions)
        tally.denied = sum(o.status is OrderStatus.DENIED for o in desk.orders)
        tally.parked = len(parked(desk))
        if tally.violations:
            self._leave_traces(log, desk)

    def _leave_traces(self, log: GatewayLog, desk: DeskRows) -> None:
        """Write both sides into the log file: the world is gone when a person reads the verdict."""
        rows = [*self._tally.violations, *self._excused, *log.orders, *log.executions, *desk.orders]
        with self._world.log_file.open("a", encoding="utf-8") as file:
            file.writelines(f"{row}\n" for row in (f"--- {self._hazard} world {self._tally.number}", *rows))
            file.writelines(f"{intent}\n" for intent in desk.intents.values())

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
        words = f"{step.name} of {step.slot.as_of:%Y-%m-%d %H:%M} UTC ended {ended.kind}: {ended.words}"
        failed = Violation(ViolationKind.TASK, words)
        # Where placements vanish, an order of unknown fate ends the task; then it must be found parked.
        is_due = ended.kind is EndKind.PERMANENT and self._hazard is Hazard.SWALLOWS
        (self._excused if is_due else self._tally.violations).append(failed)

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


def _after(slot: Slot) -> Slot:
    hours = slots()
    return hours[hours.index(slot) + 1]


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
