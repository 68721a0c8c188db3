"""No run by hand is told a mode, an account or a limit: every DAG refuses what it does not know."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from trading.errors import PermanentError

from tests.dags.desk import rows_of

HOSTILE = (
    {"mode": "live"},
    {"broker_account": "U1234567"},
    {"max_position_usd": 1_000_000},
    {"AIRDESK_LIVE_ARMED": "U1234567"},
    {"as_of": "2020-01-02T15:30:00Z", "max_weight": 1},
)


@pytest.fixture
def desk(database_url, desk_url, monkeypatch, tmp_path):
    """A paper desk in the environment, with the rights of a task; returns the owner's URL."""
    settings = {
        "AIRFLOW_CONN_AIRDESK_DB": desk_url.replace("postgresql://", "postgres://", 1),
        "AIRDESK_DATABASE_URL": desk_url,
        "AIRDESK_MODE": "paper",
        "AIRDESK_BOOK": "paper:desk",
        "AIRDESK_SOURCES": "vendors",
        "POLYGON_API_KEY": "not-asked",
        "AIRDESK_STATE_DIR": str(tmp_path),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return database_url


def run_by_hand(task, conf):
    """Run one task as Airflow would for a manual run with this conf."""
    run = SimpleNamespace(
        dag_id=task.dag.dag_id,
        run_id="manual__x",
        run_type="manual",
        run_after=datetime(2020, 11, 30, 20, tzinfo=UTC),
        data_interval_end=None,
        conf=conf,
    )
    params = {name: task.dag.params[name] for name in task.dag.params}
    given = {
        "dag_run": run,
        "ti": SimpleNamespace(
            dag_id=task.dag.dag_id, run_id=run.run_id, task_id=task.task_id, try_number=1, max_tries=0
        ),
        "params": params | conf,
    }
    return task.python_callable(**task.op_kwargs, **given)


def test_every_dag_refuses_a_conf_that_it_does_not_know_before_it_does_anything(dagbag, desk):
    assert len(dagbag.dags) >= 8
    for dag in dagbag.dags.values():
        for task in dag.roots:
            for conf in HOSTILE:
                with pytest.raises(PermanentError, match="unknown keys"):
                    run_by_hand(task, conf)
    assert rows_of(desk, "SELECT count(*) FROM desk.decisions") == [(0,)]
    assert rows_of(desk, "SELECT count(*) FROM desk.searches") == [(0,)]
    assert rows_of(desk, "SELECT count(*) FROM ops.api_calls") == [(0,)]
