"""What the running desk asks a person, and the answer to it, for the command line and the bot."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from trading.entrypoints.airflow_api import AirflowApi

SETTLED = timedelta(seconds=10)
"""An answer that comes sooner can meet the task before it is parked; Airflow then fails it, and asks again."""
APPROVE, REJECT = "Approve", "Reject"


@dataclass(frozen=True, slots=True)
class Question:
    """A task that waits for a person."""

    dag_id: str
    run_id: str
    task_id: str
    subject: str
    body: str
    asked_at: datetime


def waiting(api: AirflowApi) -> list[Question]:
    """Return what waits for an answer, oldest first."""
    return sorted(map(_question, api.questions()), key=lambda q: q.asked_at)


def answer(
    api: AirflowApi,
    question: Question,
    *,
    is_yes: bool,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Answer a question, not before it is settled."""
    left = (question.asked_at + SETTLED - now()).total_seconds()
    if left > 0:
        pause(left)
    api.answer(question.dag_id, question.run_id, question.task_id, APPROVE if is_yes else REJECT)


def _question(row: dict[str, Any]) -> Question:
    task = row["task_instance"]
    asked_at = datetime.fromisoformat(row["created_at"])
    return Question(
        str(task["dag_id"]), str(task["dag_run_id"]), str(task["task_id"]), row["subject"], row["body"] or "", asked_at
    )
