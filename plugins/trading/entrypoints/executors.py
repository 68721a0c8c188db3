"""Where Airflow's tasks run: beside the scheduler, or on Celery workers that share a Redis (ADR 0057)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from trading.entrypoints.queues import ANALYSIS_QUEUE, BROKER_QUEUE
from trading.entrypoints.supervisor import Program
from trading.errors import ConfigurationError

VARIABLE = "AIRDESK_EXECUTOR"
REDIS_VARIABLE = "AIRDESK_REDIS_URL"
SLOTS: Mapping[str, int] = {BROKER_QUEUE: 1, ANALYSIS_QUEUE: 3}
"""Tasks at once on this machine's worker of each queue. The broker has one writer, so its queue has one slot."""


class Executor(StrEnum):
    """What runs the tasks."""

    LOCAL = "local"
    CELERY = "celery"


def executor_of(environment: Mapping[str, str]) -> Executor:
    """Return the chosen executor.

    Raises:
        ConfigurationError: it is none of them, or Celery is chosen and no Redis is named.
    """
    text = environment.get(VARIABLE) or Executor.LOCAL.value
    if text not in set(Executor):
        raise ConfigurationError(f"{VARIABLE}={text!r} is not one of {', '.join(Executor)}; correct it in .env")
    if text == Executor.CELERY and not environment.get(REDIS_VARIABLE, "").startswith(("redis://", "rediss://")):
        raise ConfigurationError(
            f"{VARIABLE}=celery needs {REDIS_VARIABLE}, e.g. redis://:password@127.0.0.1:6379/0; start a Redis, set it"
        )
    return Executor(text)


def executor_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return Airflow's own variables for the chosen executor."""
    if executor_of(environment) is Executor.LOCAL:
        return {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor"}
    url = environment[REDIS_VARIABLE]
    return {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CELERY__BROKER_URL": url,
        # Not Airflow's database: what became of a task stands there already, and a worker needs no login to it.
        "AIRFLOW__CELERY__RESULT_BACKEND": url,
        # A killed worker's task comes back after this long. Airflow lets it run again only if it was not finished.
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "86400",
        "AIRFLOW__OPERATORS__DEFAULT_QUEUE": ANALYSIS_QUEUE,
    }


def worker_programs(environment: Mapping[str, str]) -> tuple[Program, ...]:
    """Return the workers that run on this machine: none beside a local executor, else one for each queue."""
    if executor_of(environment) is Executor.LOCAL:
        return ()
    return tuple(_worker(queue, slots) for queue, slots in SLOTS.items())


def _worker(queue: str, slots: int) -> Program:
    words = (
        "-m", "airflow", "celery", "worker", "--queues", queue, "--concurrency", str(slots),
        "--celery-hostname", f"{queue}@%h", "--pid", f"worker-{queue}.pid", "--skip-serve-logs",
        "--without-mingle", "--without-gossip",
    )  # fmt: skip
    return Program(f"worker-{queue}", words)
