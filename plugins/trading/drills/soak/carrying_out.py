"""Carries out attempts: in this process where it can, in one of its own where something is to be killed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from trading.drills.attempt import Attempt, Ended, EndKind
from trading.drills.soak.dag import Outcome, Run, Step, kind_of
from trading.drills.soak.disturbing import AGAIN, AT_A_LINE, TWO_COPIES, Disturber, is_forked, kill_point
from trading.drills.soak.plan import Fault
from trading.drills.soak.world import BOOK, SoakWorld
from trading.errors import AirdeskError
from trading.tasks.failing import failure_text, halting, tell_failure
from trading.tasks.report import StepReport

LOG = logging.getLogger(__name__)


class Hands:
    """`Attempts` on one desk.

    Attributes:
        counts: attempts by how they ended, and what else was done.
    """

    def __init__(self, world: SoakWorld, disturber: Disturber) -> None:
        self._world, self._disturber = world, disturber
        self.counts: Counter[str] = Counter()

    def attempt(self, run: Run, step: Step, try_number: int) -> Outcome:
        """Run a task once, disturbed by plan."""
        faults = self._disturber.arm(step.name, try_number)
        try:
            forked = [fault for fault in faults if is_forked(fault)]
            outcome = self._forked(run, step, forked) if forked else self._here(run, step)
        finally:
            self._disturber.mend()
        if outcome.kind is EndKind.DONE and any(fault.name == AGAIN for fault in faults):
            self.counts["cleared"] += 1
            outcome = self._here(run, step)
        self.counts[outcome.kind] += 1
        if outcome.kind is not EndKind.DONE or faults:
            struck = "; ".join(map(str, faults)) or "nothing"
            LOG.info("%s %s try %s: %s %s [%s]", run.run_id, step.name, try_number, outcome.kind, outcome.words, struck)
        return outcome

    def pause(self, wait: timedelta) -> None:
        """Let time pass before a retry."""
        self.counts["retried"] += 1
        self._world.clock.wait(wait)

    def failed(self, run: Run, step: Step, outcome: Outcome) -> None:
        """Tell that a task is red, if the database takes it; the end of the run tells it again."""
        self.counts["red"] += 1
        text = failure_text(run.dag_id, run.run_id, step.name, outcome.error, outcome.words)
        with suppress(AirdeskError), self._world.services.store.transaction() as tx:
            tell_failure(tx, BOOK, run.dag_id, run.run_id, text)

    def _task(self, run: Run, step: Step) -> StepReport:
        world = self._world
        with halting(world.services.store, BOOK, actor=f"{run.dag_id}.{step.name}"):
            return step.task(world.services, world.spec, BOOK, run.slot)

    def _here(self, run: Run, step: Step) -> Outcome:
        try:
            return Outcome(EndKind.DONE, report=self._task(run, step))
        except Exception as error:
            kind = kind_of(error)
            if kind in (EndKind.CRASHED, EndKind.BROKEN):
                LOG.exception("%s of %s", step.name, run.run_id)
            return Outcome(kind, f"{type(error).__name__}: {error}", error=error)

    def _forked(self, run: Run, step: Step, faults: Sequence[Fault]) -> Outcome:
        task = partial(self._task, run, step)
        point = next((kill_point(f) for f in faults if f.name == AT_A_LINE), None)
        with Attempt(task, log_file=self._world.log_file, kill_at=point) as first:
            if any(f.name == TWO_COPIES for f in faults):
                with Attempt(task, log_file=self._world.log_file) as second:
                    ends = [first.wait(), second.wait()]
            else:
                ends = [first.wait()]
        return _worst(ends)


def _worst(ends: Sequence[Ended]) -> Outcome:
    """Return how copies of one task ended: one that fell over counts, else one that finished."""
    order = (EndKind.BROKEN, EndKind.CRASHED, EndKind.HUNG, EndKind.DONE)
    ended = min(ends, key=lambda e: order.index(e.kind) if e.kind in order else len(order))
    return Outcome(ended.kind, ended.words)
