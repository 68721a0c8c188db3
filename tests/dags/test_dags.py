"""Every DAG imports, says what it does, keeps its shape and its fences, and costs little to load."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "dags").glob("*.py"))
HEAVY = ("pandas", "talib", "sklearn", "ib_insync", "exchange_calendars", "psycopg2", "trading.adapters")
BY_HAND = {"history_load", "research_replay"}


@pytest.fixture(params=[path.stem for path in FILES])
def dag(dagbag, request):
    return dagbag.dags[request.param]


def test_every_dag_imports_and_is_named_like_its_file(dagbag):
    assert not dagbag.import_errors
    assert set(dagbag.dags) == {path.stem for path in FILES}


def test_every_dag_says_what_it_does(dag):
    assert dag.doc_md.startswith("### ")
    assert "airdesk" in dag.tags
    for task in dag.tasks:
        assert task.doc_md.endswith("."), task.task_id
        assert task.owner == "airdesk"


def test_every_task_is_retried_by_the_class_of_its_error(dag):
    from trading.entrypoints.airflow.retry_policy import ByErrorClass

    for task in dag.tasks:
        assert task.retries >= 3
        assert isinstance(task.retry_policy, ByErrorClass)
        assert task.on_failure_callback


def test_the_page_of_the_dags_is_as_they_make_it(dagbag):
    from trading.entrypoints.documentation.dags import dags_page

    pools = json.loads((ROOT / "include" / "pools.json").read_text(encoding="utf-8"))
    text = (ROOT / "docs" / "reference" / "dags.md").read_text(encoding="utf-8")
    assert text == dags_page(dagbag.dags, pools), "run `make docs` and commit what it writes"


def test_every_dag_survives_being_stored(dag, stored_dags):
    stored = stored_dags(dag)
    assert stored.task_ids == dag.task_ids
    if dag.dag_id in BY_HAND:
        return  # By hand only: a timetable of Airflow's own, which the stored DAG has in another class.
    assert stored.timetable.serialize() == dag.timetable.serialize()
    rebuilt = type(dag.timetable).deserialize(stored.timetable.serialize())
    assert rebuilt.serialize() == dag.timetable.serialize()


@pytest.mark.parametrize(
    "dag_id",
    ["hourly_trading", "nightly_reconciliation", "quarterly_rebalance", "nightly_data_check", "weekly_model_training"],
)
def test_a_dag_that_reaches_a_broker_refuses_backfills(dagbag, dag_id):
    dag = dagbag.dags[dag_id]
    # The hourly run triggers a rebalance when its decision asks for one.
    triggered = {"operator_triggered"} if dag_id == "quarterly_rebalance" else set()
    assert {run_type.value for run_type in dag.allowed_run_types} == {"scheduled", "manual"} | triggered
    assert dag.max_active_runs == 1
    assert not dag.catchup


def test_the_replay_runs_by_backfill_or_by_hand_only_and_out_of_the_way(dagbag):
    dag = dagbag.dags["hourly_replay"]
    assert {run_type.value for run_type in dag.allowed_run_types} == {"backfill", "manual"}
    assert not dag.timetable.can_be_scheduled
    assert {(task.pool, task.priority_weight) for task in dag.tasks} == {("replay", 1)}


def test_research_runs_by_hand_only_and_leaves_workers_to_live_runs(dagbag):
    pools = json.loads((ROOT / "include" / "pools.json").read_text())
    dag = dagbag.dags["research_replay"]
    assert {run_type.value for run_type in dag.allowed_run_types} == {"manual"}
    assert {(task.pool, task.priority_weight) for task in dag.tasks} == {("research", 1)}
    (workers,) = re.findall(r'PARALLELISM: "(\d+)"', (ROOT / "docker-compose.yaml").read_text())
    assert sum(pools[name]["slots"] for name in ("replay", "research", "vendors")) < int(workers)


def test_what_connects_to_the_broker_has_a_queue_of_its_own(dagbag):
    queues = {(task.pool, task.queue) for dag in dagbag.dags.values() for task in dag.tasks}
    assert {pool for pool, queue in queues if queue == "broker"} == {"ibkr", "ibkr_data"}
    assert {queue for pool, queue in queues if pool not in ("ibkr", "ibkr_data")} == {"analysis"}


def test_live_work_is_queued_before_any_replay(dagbag):
    for dag_id in ("hourly_trading", "nightly_data_check", "nightly_reconciliation", "quarterly_rebalance"):
        for task in dagbag.dags[dag_id].tasks:
            assert (task.priority_weight, task.weight_rule) == (1000, "absolute")


def test_an_hour_ends_before_the_next_one_begins(dagbag):
    assert dagbag.dags["hourly_trading"].dagrun_timeout == timedelta(minutes=30)


def test_decisions_do_not_wait_for_a_healthy_ingest_but_for_the_broker(dagbag):
    decide = dagbag.dags["hourly_trading"].get_task("decide")
    assert decide.trigger_rule.value == "all_done"
    assert decide.op_kwargs["needs"] == ("sync_broker",)


def test_the_last_task_judges_every_other_one(dagbag):
    dag = dagbag.dags["hourly_trading"]
    # What ends the run itself turns it red by itself.
    leaves = {task.task_id for task in dag.leaves}
    assert leaves == {"report", "rebalance_when_due"}
    assert set(dag.get_task("report").op_kwargs["judges"]) == set(dag.task_ids) - leaves


def test_every_step_calls_a_function_that_exists(dagbag):
    called = {t.op_kwargs["function"] for d in dagbag.dags.values() for t in d.tasks if "function" in _kwargs(t)}
    for name in called:
        module, _, function = name.partition(":")
        assert callable(getattr(import_module(f"trading.tasks.{module}"), function, None)), name


def test_the_plugin_registers_every_timetable_that_a_dag_uses(dagbag):
    from airdesk_plugin import AirdeskPlugin

    ours = {type(dag.timetable) for dag in dagbag.dags.values() if dag.dag_id not in BY_HAND}
    assert ours == set(AirdeskPlugin.timetables)
    assert not any(dagbag.dags[dag_id].timetable.can_be_scheduled for dag_id in BY_HAND)


def test_every_sql_check_is_run(dagbag):
    files = {path.stem for path in (ROOT / "include" / "sql" / "checks").glob("*.sql")}
    others = {"sync_broker", "statement", "reconcile", "parity", "tax", "reports", "housekeeping"}
    assert files == set(dagbag.dags["nightly_reconciliation"].task_ids) - others


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_loads_nothing_heavy(path, airflow_home):
    code = (
        "import runpy, sys, time; import airflow.sdk; start = time.perf_counter(); "
        f"runpy.run_path({str(path)!r}); spent = time.perf_counter() - start; "
        f"print([m for m in {HEAVY} if m in sys.modules], f'{{spent:.2f}} s')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=_with_plugins(), timeout=120
    )
    last = done.stdout.strip().splitlines()[-1:]
    assert last, done.stderr
    print(path.stem, last[0])
    assert last[0].startswith("[]"), last[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_only_schedules(path):
    text = path.read_text()
    for word in ("environ", "open(", "requests", "Variable.get", "psycopg", "import logging", "def "):
        assert not re.search(re.escape(word), text.split('"""', 2)[2]), word


def _kwargs(task) -> dict:
    return getattr(task, "op_kwargs", None) or {}


def _with_plugins() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
