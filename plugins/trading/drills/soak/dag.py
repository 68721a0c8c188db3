"""The hourly DAG and the nightly one without Airflow: the same tasks, order, trigger rules and retries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.drills.attempt import EndKind
from trading.errors import AirdeskError, InvariantBroken, PermanentError, TransientError
from trading.ports import Services
from trading.strategy.spec import StrategySpec
from trading.tasks import approved
from trading.tasks.analyse import risk, sentiment, technicals
from trading.tasks.decide import decide
from trading.tasks.desk import report
from trading.tasks.failing import again
from trading.tasks.ingest import ingest_fundamentals, ingest_news, ingest_prices
from trading.tasks.parity import parity
from trading.tasks.rebalance import preview
from trading.tasks.reconcile import reconcile
from trading.tasks.report import StepReport
from trading.tasks.sync import sync_broker
from trading.tasks.tax import tax

TRIES = 4
"""Attempts of a task: the first and three retries."""
PAUSE = timedelta(seconds=20)

type Task = Callable[[Services, StrategySpec, BookId, Slot], StepReport]


@dataclass(frozen=True, slots=True)
class Step:
    """A task of a DAG.

    Attributes:
        needs: tasks that must have finished, else this one fails by itself.
        after: tasks that must have succeeded, else Airflow does not start this one.
    """

    name: str
    task: Task
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


HOURLY = (
    Step("sync_broker", sync_broker),
    Step("ingest_prices", ingest_prices),
    Step("ingest_fundamentals", ingest_fundamentals),
    Step("ingest_news", ingest_news),
    Step("technicals", technicals),
    Step("sentiment", sentiment),
    Step("risk", risk),
    Step("decide", decide, needs=("sync_broker",)),
    Step("execute", approved.send, after=("decide",)),
    Step("report", report),
)
REBALANCE = (Step("preview", preview), Step("send", approved.send_rebalance, after=("preview",)))
NIGHTLY = (
    Step("sync_broker", sync_broker),
    Step("reconcile", reconcile),
    Step("parity", parity),
    Step("tax", tax),
)
"""Without the statement, which needs a service beside the gateway, and without reports and housekeeping."""


class Colour(StrEnum):
    """How a task of a run ended."""

    GREEN = "success"
    RED = "failed"
    LEFT_OUT = "upstream_failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one attempt.

    Attributes:
        report: of a task that ended by itself, in this process.
        error: what it raised, where that is known.
    """

    kind: EndKind
    words: str = ""
    report: StepReport | None = None
    error: BaseException | None = None


@dataclass
class Run:
    """One run of a DAG.

    Attributes:
        ended: the last attempt of each task that was started.
        tries: attempts of each task.
        problems: a sentence for each task that is red, was left out, or is degraded.
    """

    dag_id: str
    slot: Slot
    colours: dict[str, Colour] = field(default_factory=dict)
    ended: dict[str, Outcome] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def run_id(self) -> str:
        """What Airflow would call it."""
        return f"scheduled__{self.slot.as_of.isoformat()}"

    @property
    def is_red(self) -> bool:
        """Whether the run ends red; `report` judges every task before it."""
        return bool(self.problems)


class Attempts(Protocol):
    """Who carries out an attempt."""

    def attempt(self, run: Run, step: Step, try_number: int) -> Outcome:
        """Run a task once, with whatever is to disturb it."""
        ...

    def pause(self, wait: timedelta) -> None:
        """Let time pass before a retry."""
        ...

    def failed(self, run: Run, step: Step, outcome: Outcome) -> None:
        """A task is red: what Airflow's callback does."""
        ...


def run_step(run: Run, step: Step, attempts: Attempts) -> None:
    """Run one task of a run as its trigger rule says, with retries."""
    if any(run.colours.get(name) is not Colour.GREEN for name in step.after):
        run.colours[step.name] = Colour.LEFT_OUT
        run.problems.append(f"{step.name} was not started")
        return
    outcome = _tried(run, step, attempts)
    run.ended[step.name] = outcome
    run.colours[step.name] = Colour.GREEN if outcome.kind is EndKind.DONE else Colour.RED
    if outcome.kind is not EndKind.DONE:
        run.problems.append(f"{step.name} failed: {outcome.words}")
        attempts.failed(run, step, outcome)
    elif outcome.report is not None and outcome.report.degraded:
        run.problems.append(f"{step.name} is degraded: {'; '.join(outcome.report.notes)}")


def _tried(run: Run, step: Step, attempts: Attempts) -> Outcome:
    if missing := [name for name in step.needs if run.colours.get(name) is not Colour.GREEN]:
        refusal = PermanentError(f"{missing[0]} did not finish, so nothing is done")
        return Outcome(EndKind.PERMANENT, str(refusal), error=refusal)
    for try_number in range(1, TRIES + 1):
        run.tries[step.name] = run.tries.get(step.name, 0) + 1
        outcome = attempts.attempt(run, step, try_number)
        wait = _wait(outcome)
        if outcome.kind is EndKind.DONE or wait is None:
            return outcome
        attempts.pause(wait)
    return outcome


def _wait(outcome: Outcome) -> timedelta | None:
    """Return how long the next attempt waits; None for no further one."""
    verdict = again(outcome.error) if outcome.error is not None else None
    if verdict is not None:
        return (verdict.wait or PAUSE) if verdict.is_worth else None
    return None if outcome.kind in (EndKind.PERMANENT, EndKind.BROKEN) else PAUSE


KINDS_OF: Mapping[type[AirdeskError], EndKind] = {
    TransientError: EndKind.TRANSIENT,
    InvariantBroken: EndKind.BROKEN,
    AirdeskError: EndKind.PERMANENT,
}


def kind_of(error: BaseException) -> EndKind:
    """Return what an error means for the task that raised it."""
    return next((kind for of, kind in KINDS_OF.items() if isinstance(error, of)), EndKind.CRASHED)
