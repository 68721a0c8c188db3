"""Answers to a task that waits for a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from trading.entrypoints.questions import answer, waiting

ASKED = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)


class Api:
    """Airflow with two open questions; it keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    def questions(self):
        return [self.question("late", ASKED + timedelta(minutes=1)), self.question("early", ASKED)]

    def question(self, run_id: str, at: datetime) -> dict:
        task = {"dag_id": "hourly_trading", "dag_run_id": run_id, "task_id": "approve"}
        return {"task_instance": task, "subject": "buy NVDA?", "body": None, "created_at": at.isoformat()}

    def answer(self, *words: str) -> None:
        self.told.append(words)


@pytest.mark.parametrize(("seconds", "pauses"), [(0, [10.0]), (4, [6.0]), (10, []), (600, [])])
def test_an_answer_is_held_until_ten_seconds_after_the_question(seconds, pauses):
    api, slept = Api(), []
    first, _ = waiting(api)
    answer(api, first, is_yes=True, now=lambda: ASKED + timedelta(seconds=seconds), pause=slept.append)
    assert slept == pauses
    assert api.told == [("hourly_trading", "early", "approve", "Approve")]


def test_a_no_is_told_as_reject():
    api = Api()
    answer(api, waiting(api)[1], is_yes=False, now=lambda: ASKED + timedelta(hours=1))
    assert api.told == [("hourly_trading", "late", "approve", "Reject")]
