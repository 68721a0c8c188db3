"""`airdesk drill halt`: a book with positions is halted while orders are being sent; every stop must still be live."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

from trading.domain.orders import PROTECTIVE, OrderPurpose, purpose_in
from trading.domain.portfolio import TradingState
from trading.drills.attempt import Attempt, EndKind
from trading.drills.checker import Violation, ViolationKind, check_halted, check_settled
from trading.drills.databases import DrillDatabases
from trading.drills.disturbances import Step
from trading.drills.records import GatewayLog
from trading.drills.world import BOOK, World, running_world, slots
from trading.errors import PermanentError, TransientError
from trading.ports import Services
from trading.tasks.kill_switch import DISCRETIONARY, change_state, sweep

HOURS_BEFORE = 3
HOLD_SECONDS = 0.05
LATEST_SECONDS = 1.2
"""The halt comes so long, at the latest, after the sender started."""


@dataclass(slots=True)
class HaltRound:
    """One halt.

    Attributes:
        positions: symbols held when all was quiet. stops: live ones.
        sent_before, sent_after: entries and exits that the gateway got before and after the halt was committed.
        restored: protection that was placed afterwards, for a sale that the halt kept from being sent.
    """

    number: int
    positions: int = 0
    stops: int = 0
    sent_before: int = 0
    sent_after: int = 0
    restored: int = 0
    violations: list[Violation] = field(default_factory=list)


def run_halts(
    databases: DrillDatabases, *, rounds: int, seed: int, log_file: Path, report: Callable[[HaltRound], None]
) -> None:
    """Halt a fresh book `rounds` times, each time at another moment of a sending."""
    for number in range(rounds):
        done = HaltRound(number)
        with running_world(databases, seed * 1000 + number, log_file=log_file) as world:
            _Halting(world, done, Random(f"{seed}.halt.{number}")).run()
        report(done)


class _Halting:
    """One round in one world."""

    def __init__(self, world: World, done: HaltRound, draw: Random) -> None:
        self._world, self._done, self._draw = world, done, draw

    def run(self) -> None:
        hours = slots()
        for slot in hours[:HOURS_BEFORE]:
            self._succeed(Step("sync", self._world.sync, slot))
            self._world.decide(slot)
            self._succeed(Step("execute", self._world.execute, slot))
        at, after = hours[HOURS_BEFORE], hours[HOURS_BEFORE + 1]
        self._succeed(Step("sync", self._world.sync, at))
        self._world.decide(at)
        self._halt_while(Step("execute", self._world.execute, at))
        # What was halted stays halted: over a restart of the gateway, and in the next hour.
        self._world.gateway.restart(hard=True)
        self._succeed(Step("execute", self._world.execute, at))
        self._succeed(Step("sync", self._world.sync, after))
        log, desk = self._world.log(), self._world.rows(after)
        self._done.violations += [*check_halted(log, desk), *check_settled(log, desk, may_park=False)]
        self._count(log)

    def _count(self, log: GatewayLog) -> None:
        done, late = self._done, [purpose_in(o.order_ref) for o in log.orders[self._known_at_commit :]]
        done.restored = sum(purpose in PROTECTIVE for purpose in late)
        done.sent_after = len(late) - done.restored
        done.positions = len(log.positions)
        done.stops = sum(o.is_live and purpose_in(o.order_ref) is OrderPurpose.STOP for o in log.orders)
        if done.sent_after:
            words = f"{done.sent_after} entries or exits reached the gateway after the halt was committed"
            self._blame(ViolationKind.NOT_HALTED, words)

    def _halt_while(self, sending: Step) -> None:
        world = self._world
        world.gateway.behave(hold_orders_seconds=HOLD_SECONDS)
        before = _sales_and_entries(world.log())
        with sending.attempt(world) as sender:
            sender.runs_for(self._draw.uniform(0, LATEST_SECONDS))
            self._succeed_as("halt", _commit_halt)
            at_commit = world.log()
            self._succeed_as("sweep", _sweep)
            sender.wait()
        self._known_at_commit = len(at_commit.orders)
        self._done.sent_before = _sales_and_entries(at_commit) - before

    def _succeed(self, step: Step) -> None:
        """Attempt a task until it succeeds."""
        self._judge(step.name, partial(step.attempt, self._world))

    def _succeed_as(self, name: str, act: Callable[[Services], None]) -> None:
        step = partial(act, self._world.services)
        self._judge(name, partial(Attempt, step, log_file=self._world.log_file))

    def _judge(self, name: str, start: Callable[[], Attempt]) -> None:
        ended = start().wait()
        if ended.kind is EndKind.TRANSIENT:
            ended = start().wait()
        if ended.kind is not EndKind.DONE:
            self._blame(ViolationKind.TASK, f"{name} ended {ended.kind}: {ended.words}")

    def _blame(self, kind: ViolationKind, words: str) -> None:
        self._done.violations.append(Violation(kind, words))


def _commit_halt(services: Services) -> None:
    """Halt as `./airdesk halt` does."""
    change = change_state(services.store, BOOK, TradingState.HALTED, reason="halt drill", actor="drill")
    if not change.sends_ended:
        raise PermanentError("a send was still under way when the halt was committed; look at the gate")


def _sweep(services: Services) -> None:
    found = sweep(services.broker, BOOK, DISCRETIONARY)
    if found.problem is not None:
        raise TransientError(found.problem)
    # A sale that the halt kept from being sent left its shares unguarded: the next task protects them again.
    if found.working:
        raise PermanentError(f"{', '.join(found.working)} still work after the sweep; look at the gateway")


def _sales_and_entries(log: GatewayLog) -> int:
    return sum(purpose_in(o.order_ref) not in PROTECTIVE for o in log.orders)
