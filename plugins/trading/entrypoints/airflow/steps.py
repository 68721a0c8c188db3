"""One line per task: `step` wires a plain function of `trading.tasks` into a DAG.

Functions are named as text and imported when the task runs, so that a DAG file stays light.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk.exceptions import AirflowFailException

from trading.entrypoints.airflow.callbacks import halting, on_failure
from trading.entrypoints.airflow.context import replay_context, run_context
from trading.entrypoints.airflow.retry_policy import ByErrorClass
from trading.errors import PermanentError
from trading.tasks.report import StepReport

log = logging.getLogger(__name__)

IBKR_POOL = "ibkr"
"""One slot: the broker has one writer."""
REPLAY_POOL = "replay"
"""One slot: a backfill never takes the executor from a live run."""

LIVE_DEFAULTS: dict[str, Any] = {
    "owner": "airdesk",
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
    **operator: Any,
) -> PythonOperator:
    """Return the task that calls `function(services, spec, book, slot)`.

    Args:
        task_id: name in the DAG.
        function: "module:name" below `trading.tasks`.
        doc: what people read about the task in the UI.
        needs: tasks that must have finished although the trigger rule would let this one run without them.
        judges: tasks whose failure or degraded report turns this one red once its own work is done; () judges its
            own report only, None judges nothing.
        operator: Airflow's own arguments, e.g. pool or trigger_rule.
    """
    call = {"function": function, "needs": tuple(needs), "judges": judges}
    return PythonOperator(task_id=task_id, python_callable=run_step, op_kwargs=call, doc_md=doc, **operator)


def replay_step(task_id: str, *, doc: str, **operator: Any) -> PythonOperator:
    """Return the task that replays one session into a replay book."""
    return PythonOperator(task_id=task_id, python_callable=run_replay, doc_md=doc, **operator)


def run_step(
    function: str,
    needs: Sequence[str],
    judges: Sequence[str] | None,
    **context: Any,
) -> dict[str, object]:
    """Run one step and return its report for XCom."""
    instance = context["ti"]
    for task_id in needs:
        if _report_of(instance, task_id) is None:
            raise PermanentError(
                f"{task_id} did not finish, so nothing is done; clear {task_id} once its cause is gone"
            )
    run = run_context(context)
    with halting(run.services.store, run.book, actor=f"{instance.dag_id}.{instance.task_id}"):
        report: StepReport = _resolve(function)(run.services, run.spec, run.book, run.slot)
    _say(report)
    if judges is not None:
        reports = {task_id: _report_of(instance, task_id) for task_id in judges}
        if problems := problems_of({**reports, instance.task_id: report.as_xcom()}):
            raise AirflowFailException("; ".join(problems))
    return report.as_xcom()


def run_replay(**context: Any) -> dict[str, object]:
    """Replay the session of this run and return its report for XCom."""
    from trading.tasks.replay import replay_session

    run = replay_context(context)
    report = replay_session(run.services, run.spec, run.book, run.session_on, run_id=run.run_id, replace=run.replace)
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
