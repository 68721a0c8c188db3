"""One line per task: `step` wires a plain function of `trading.tasks` into a DAG.

Functions are named as text and imported when the task runs, so that a DAG file stays light.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk.exceptions import AirflowFailException, DownstreamTasksSkipped

from trading.entrypoints.airflow.approvals import AskApproval
from trading.entrypoints.airflow.callbacks import on_failure
from trading.entrypoints.airflow.context import replay_context, run_context
from trading.entrypoints.airflow.observing import note_desk, note_report, with_book, with_ids
from trading.entrypoints.airflow.retry_policy import ByErrorClass
from trading.entrypoints.queues import ANALYSIS_QUEUE, BROKER_QUEUE
from trading.errors import PermanentError
from trading.ports.orders import RunName
from trading.tasks.failing import halting
from trading.tasks.report import WAITING, StepReport

log = logging.getLogger(__name__)

TOOK = "%s took %.3f s after %.3f s to load"
"""What a step says of its own time; `benchmarks/scale` reads it."""
IBKR_POOL = "ibkr"
"""One slot: the broker has one writer."""
DATA_POOL = "ibkr_data"
"""One slot: the broker has one connection for bars, under an id that is not the writer's."""
REPLAY_POOL = "replay"
"""One slot: a backfill never takes the executor from a live run."""

BROKER_POOLS = frozenset({IBKR_POOL, DATA_POOL})
"""Of tasks that connect to the broker: on Celery they have a queue and a worker of their own."""

LIVE_DEFAULTS: dict[str, Any] = {
    "owner": "airdesk",
    # A local executor ignores queues.
    "queue": ANALYSIS_QUEUE,
    "retries": 3,
    "retry_delay": timedelta(seconds=20),
    "retry_policy": ByErrorClass(),
    "on_failure_callback": on_failure,
    # Airflow queues by -priority, then by age: with plain weights a backfill's old runs go before the live hour.
    "priority_weight": 1000,
    "weight_rule": "absolute",
}
REPLAY_DEFAULTS: dict[str, Any] = {
    **LIVE_DEFAULTS,
    # A session waits here for the one before it, which a backfill may well start later.
    "retries": 60,
    "retry_delay": timedelta(seconds=5),
    "priority_weight": 1,
    "pool": REPLAY_POOL,
}


def step(
    task_id: str,
    function: str,
    *,
    doc: str,
    needs: Sequence[str] = (),
    judges: Sequence[str] | None = None,
    waiting: Sequence[str] = (),
    **operator: Any,
) -> PythonOperator:
    """Return the task that calls `function(services, spec, book, slot)`.

    Args:
        task_id: name in the DAG.
        function: "module:name" below `trading.tasks`.
        doc: what people read about the task in the UI.
        needs: tasks that must have finished although the trigger rule would let this one run without them.
        judges: tasks whose failure or degraded report turns this one red once its own work is done; () judges its
            own report only, None judges nothing. A judged task that was skipped has nothing to answer for.
        waiting: tasks that run only if this one leaves orders that wait for a person; else they are skipped here, at
            no cost.
        operator: Airflow's own arguments, e.g. pool or trigger_rule.
    """
    if operator.get("pool") in BROKER_POOLS:
        operator["queue"] = BROKER_QUEUE
    call = {"function": function, "needs": tuple(needs), "judges": judges, "waiting": tuple(waiting)}
    return PythonOperator(task_id=task_id, python_callable=run_step, op_kwargs=call, doc_md=doc, **operator)


def approval_steps(kind: str, *, send: str) -> tuple[AskApproval, PythonOperator]:
    """Return the two tasks after `execute`: a person's answer, and the sending of what was approved.

    Args:
        kind: of the decision whose orders wait.
        send: "module:name" of the function that sends once more.
    """
    ask = AskApproval(
        task_id="approve",
        kind=kind,
        # An answer within seconds of the question can lose the race with the task that parks: it is asked again.
        retry_delay=timedelta(seconds=5),
        doc_md="Waits up to 15 minutes for a person, only if an entry is above AIRDESK_APPROVAL_ABOVE_USD.",
    )
    execute_approved = step(
        "execute_approved",
        send,
        pool=IBKR_POOL,
        trigger_rule="all_done",
        needs=["execute"],
        judges=["approve"],
        doc="Send what was approved, vetted again; deny what was not.",
    )
    ask >> execute_approved
    return ask, execute_approved


def replay_step(task_id: str, *, doc: str, **operator: Any) -> PythonOperator:
    """Return the task that replays one session into a replay book."""
    return PythonOperator(task_id=task_id, python_callable=run_replay, doc_md=doc, **operator)


def run_step(
    function: str,
    needs: Sequence[str],
    judges: Sequence[str] | None,
    waiting: Sequence[str] = (),
    **context: Any,
) -> dict[str, object]:
    """Run one step and return its report for XCom."""
    instance = context["ti"]
    for task_id in needs:
        if _report_of(instance, task_id) is None:
            raise PermanentError(
                f"{task_id} did not finish, so nothing is done; clear {task_id} once its cause is gone"
            )
    with with_ids(run=instance.run_id, task=instance.task_id):
        return _run_step(function, judges, waiting, context)


def _run_step(
    function: str, judges: Sequence[str] | None, waiting: Sequence[str], context: Mapping[str, Any]
) -> dict[str, object]:
    begun = time.perf_counter()
    instance, run, call = context["ti"], run_context(context), _resolve(function)
    with_book(run.book)
    loaded = time.perf_counter()
    with halting(run.services.store, run.book, actor=f"{instance.dag_id}.{instance.task_id}"):
        report: StepReport = call(run.services, run.spec, run.book, run.slot)
    log.info(TOOK, report.step, time.perf_counter() - loaded, loaded - begun)
    if report.decision_id is not None:
        with run.services.store.transaction() as tx:
            tx.decisions.note_run(report.decision_id, RunName(instance.dag_id, instance.run_id))
    note_report(report, book=str(run.book))
    _say(report)
    if report.step == "report":
        note_desk(run.services, run.spec, book=run.book, as_of=run.slot.as_of)
    if judges is not None:
        skipped = _skipped(context, judges)
        reports = {task_id: _report_of(instance, task_id) for task_id in judges if task_id not in skipped}
        if problems := problems_of({**reports, instance.task_id: report.as_xcom()}):
            raise AirflowFailException("; ".join(problems))
    if waiting and not report.counts.get(WAITING):
        instance.xcom_push(key="return_value", value=report.as_xcom())
        raise DownstreamTasksSkipped(tasks=list(waiting))
    return report.as_xcom()


def run_replay(**context: Any) -> dict[str, object]:
    """Replay the session of this run and return its report for XCom."""
    from trading.tasks.replay import replay_session

    run = replay_context(context)
    report = replay_session(run.services, run.spec, run.book, run.session_on, run_id=run.run_id, replace=run.replace)
    with run.services.store.transaction() as tx:
        tx.decisions.note_session_run(run.book, run.session_on, RunName(context["ti"].dag_id, run.run_id))
    _say(report)
    return report.as_xcom()


def problems_of(reports: Mapping[str, Mapping[str, Any] | None]) -> tuple[str, ...]:
    """Return one sentence for each task that left no report or a degraded one."""
    problems = []
    for task_id, report in reports.items():
        if report is None:
            problems.append(f"{task_id} failed; see its log")
        elif report["degraded"]:
            problems.append(f"{task_id} is degraded: {'; '.join(report['notes']) or 'see its log'}")
    return tuple(problems)


def _skipped(context: Mapping[str, Any], task_ids: Sequence[str]) -> set[str]:
    """Return those of the tasks that this run skipped."""
    instance = context["ti"]
    if not task_ids:
        return set()
    runs = instance.get_task_states(dag_id=instance.dag_id, task_ids=list(task_ids), run_ids=[instance.run_id])
    states: Mapping[str, str | None] = runs.get(instance.run_id, {})
    return {task_id for task_id, state in states.items() if state == "skipped"}


def _report_of(instance: Any, task_id: str) -> Mapping[str, Any] | None:
    report: Mapping[str, Any] | None = instance.xcom_pull(task_ids=task_id)
    return report


def _resolve(function: str) -> Any:
    module, _, name = function.partition(":")
    return getattr(import_module(f"trading.tasks.{module}"), name)


def _say(report: StepReport) -> None:
    log.info("%s %s", report.step, dict(report.counts))
    for note in report.notes:
        log.info("%s: %s", report.step, note)
