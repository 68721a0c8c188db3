"""Retries by error class, and runs that turn red when something was missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from trading.errors import (
    ConfigurationError,
    InvariantBroken,
    OutcomeUnknown,
    PermanentError,
    RateLimited,
    TransientError,
)
from trading.tasks.report import StepReport


@pytest.fixture
def decide(airflow_home):
    """What the policy says about an error, as (action, delay)."""
    from trading.entrypoints.airflow.retry_policy import ByErrorClass

    def ask(error: BaseException):
        decision = ByErrorClass().evaluate(error, 1, 3)
        return decision.action.value, decision.retry_delay

    return ask


def test_a_transient_error_is_retried(decide):
    assert decide(TransientError("gateway restarts")) == ("retry", None)


def test_a_vendor_that_names_a_wait_is_given_it(decide):
    assert decide(RateLimited("429", retry_after_seconds=42)) == ("retry", timedelta(seconds=42))


def test_a_wait_longer_than_a_run_fails_instead(decide):
    assert decide(RateLimited("429", retry_after_seconds=86_400))[0] == "fail"


@pytest.mark.parametrize("error", [PermanentError, ConfigurationError, OutcomeUnknown, InvariantBroken])
def test_what_only_a_person_can_mend_fails_at_once(decide, error):
    assert decide(error("x"))[0] == "fail"


def test_an_unexpected_error_keeps_the_ordinary_retries(decide):
    assert decide(ZeroDivisionError())[0] == "default"


class Instance:
    """A task instance that knows what other tasks reported."""

    dag_id, task_id = "hourly_trading", "report"

    def __init__(self, reports) -> None:
        self.reports = reports

    def xcom_pull(self, *, task_ids: str):
        return self.reports.get(task_ids)


def test_problems_are_missing_and_degraded_reports(airflow_home):
    from trading.entrypoints.airflow.steps import problems_of

    reports = {
        "ingest_prices": StepReport("ingest_prices").as_xcom(),
        "ingest_news": StepReport("ingest_news", notes=("no source is configured",), degraded=True).as_xcom(),
        "risk": None,
    }
    assert problems_of(reports) == (
        "ingest_news is degraded: no source is configured",
        "risk failed; see its log",
    )


def test_a_step_does_nothing_when_what_it_needs_did_not_finish(airflow_home):
    from trading.entrypoints.airflow.steps import run_step

    with pytest.raises(PermanentError, match="sync_broker did not finish"):
        run_step("decide:decide", ("sync_broker",), None, ti=Instance({}))


@pytest.mark.parametrize("mode", ["paper", "demo"])
def test_a06_a_backfill_run_does_not_even_construct_a_way_to_the_broker(airflow_home, monkeypatch, mode):
    from types import SimpleNamespace

    from trading.entrypoints.airflow.context import run_context

    built = []
    monkeypatch.setattr("trading.adapters.ibkr.IbkrGate", lambda **terms: built.append(terms))
    monkeypatch.setenv("AIRFLOW_CONN_AIRDESK_DB", "postgres://airdesk@127.0.0.1:1/airdesk")
    for name, value in {"MODE": mode, "BROKER_PORT": "4002", "BROKER_ACCOUNT": "DU1"}.items():
        monkeypatch.setenv(f"AIRDESK_{name}", value)
    at = datetime(2019, 6, 3, 14, 30, tzinfo=UTC)
    run = SimpleNamespace(
        dag_id="hourly_trading", run_id="scheduled__x", run_type="backfill", run_after=at, data_interval_end=at, conf={}
    )
    with pytest.raises(PermanentError, match="a backfill may not touch"):
        run_context({"dag_run": run})
    assert built == []
