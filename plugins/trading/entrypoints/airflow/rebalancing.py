"""The task that has the book rebalanced when the hour's decision asks for it, and the skip when it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.exceptions import AirflowSkipException

from trading.entrypoints.airflow.context import REBALANCE_DAG, run_context


class RebalanceWhenDue(TriggerDagRunOperator):
    """Triggers the rebalance for the very hour of this run, with its reason; once, however often the hour is run."""

    def __init__(self, **operator: Any) -> None:
        super().__init__(
            trigger_dag_id=REBALANCE_DAG,
            logical_date=None,
            skip_when_already_exists=True,
            openlineage_inject_parent_info=False,
            **operator,
        )

    def execute(self, context: Mapping[str, Any]) -> Any:
        """Read the stored decision and trigger what it asks for."""
        from trading.tasks.rebalance import to_trigger

        run = run_context(context)
        reason = to_trigger(run.services, run.book, run.slot)
        if reason is None:
            raise AirflowSkipException("the decision of this hour asks for no rebalance")
        self.log.info("the book is rebalanced: %s", reason)
        self.conf = {"as_of": run.slot.as_of.isoformat(), "reason": reason}
        self.trigger_run_id = f"due__{run.slot.as_of:%Y%m%dT%H%M}__{run.book}"
        return super().execute(context)
