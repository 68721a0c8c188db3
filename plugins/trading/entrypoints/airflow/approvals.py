"""The task in which orders wait for a person, and the skip that costs nothing when none does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk.exceptions import AirflowSkipException

from trading.domain.decisions import DecisionKind
from trading.entrypoints.airflow.context import run_context
from trading.ports.approvals import Answer
from trading.tasks.report import StepReport

SHORTEST = timedelta(seconds=1)


class AskApproval(ApprovalOperator):
    """Asks a person about the orders of this run that wait; silence is a no.

    Unlike its parent it never skips what follows: the task after it sends what was approved and denies the rest.
    """

    def __init__(self, *, kind: str, **operator: Any) -> None:
        super().__init__(subject="Orders wait for a person", body="", defaults=self.REJECT, **operator)
        self.kind = kind

    def execute(self, context: Mapping[str, Any]) -> Any:
        """Show the orders in shares, dollars and reasons, and wait until their time is over."""
        from trading.tasks.approval import request_for, tell_people

        run = run_context(context)
        request = request_for(run.services, run.book, run.slot, DecisionKind(self.kind))
        if request is None:
            raise AirflowSkipException("no order waits for a person")
        self.subject, self.body = request.subject, request.body
        self.response_timeout = max(request.expires_at - run.services.clock.now(), SHORTEST)
        instance = context["ti"]
        tell_people(run.services, run.book, request, (instance.dag_id, instance.run_id, instance.task_id))
        return super().execute(context)

    def execute_complete(self, context: Mapping[str, Any], event: dict[str, Any]) -> Any:
        """Store the answer with the orders that it is about."""
        from trading.tasks.approval import answered_by, settle

        told = HITLOperator.execute_complete(self, context, event)
        run, who, kind = run_context(context), event.get("responded_by_user"), DecisionKind(self.kind)
        answer = answer_of(told["chosen_options"], has_answered=who is not None)
        name = None if who is None else answered_by(run.services, run.book, run.slot, kind, who["name"])
        orders = settle(run.services, run.book, run.slot, kind, answer, by=name)
        return StepReport("approve", {answer.value: orders}, (f"{answer} by {name or 'nobody'}",)).as_xcom()


def answer_of(chosen: list[str], *, has_answered: bool) -> Answer:
    """Return what the options mean; without a person behind them the time was over."""
    if not has_answered:
        return Answer.EXPIRED
    return Answer.APPROVED if chosen == [ApprovalOperator.APPROVE] else Answer.REJECTED
