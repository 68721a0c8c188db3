"""The soak's copy of the DAGs says what the DAGs say: tasks, functions, order, trigger rules, retries."""

from __future__ import annotations

import pytest
from trading.drills.soak.dag import HOURLY, NIGHTLY, PAUSE, REBALANCE, TRIES


@pytest.mark.parametrize(
    ("dag_id", "steps", "names"),
    [
        ("hourly_trading", HOURLY, {}),
        ("quarterly_rebalance", REBALANCE, {"send": "execute"}),
        ("nightly_reconciliation", NIGHTLY, {}),
    ],
)
def test_the_steps_of_the_soak_are_those_of_the_dag(dagbag, dag_id, steps, names):
    dag = dagbag.dags[dag_id]
    seen: set[str] = set()
    for step in steps:
        task = dag.get_task(names.get(step.name, step.name))
        module, name = step.task.__module__.removeprefix("trading.tasks."), step.task.__name__
        assert task.op_kwargs["function"] == f"{module}:{name}" or task.op_kwargs["function"].endswith(f":{name}")
        assert tuple(task.op_kwargs["needs"]) == step.needs
        assert (task.retries + 1, task.retry_delay) == (TRIES, PAUSE)
        strict = task.trigger_rule.value == "all_success"
        assert (set(step.after) == task.upstream_task_ids) if strict else not step.after
        before = {one.name for one in steps} & task.get_flat_relative_ids(upstream=True)
        assert before <= seen, "what comes before it came before it"
        seen.add(step.name)


def test_the_soak_leaves_no_task_of_the_hour_out(dagbag):
    people = {"approve", "execute_approved", "rebalance_when_due"}
    assert set(dagbag.dags["hourly_trading"].task_ids) - people == {step.name for step in HOURLY}
