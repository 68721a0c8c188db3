"""Whole runs through Airflow's own task runner: synthetic market, real Postgres, real gateway over its socket."""

from __future__ import annotations

import os
from datetime import date, datetime
from functools import partial

import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.decisions import DecisionKind, decision_id_for
from trading.domain.instruments import BookId
from trading.domain.portfolio import Balance, Breaker, TradingState
from trading.domain.risk import BookRisk
from trading.domain.signals import Targets
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.running_desk import own_gateway_settings
from trading.gateway.feed import source_feed
from trading.settings import Mode
from trading.strategy.catalogue import spec_named
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.source import SyntheticBarSource

from tests.builders import a_decision
from tests.dags.desk import COUNTED, rows_of
from tests.fakes import ACCOUNT, ny, running_gateway

FIRST_ON = date(2025, 6, 11)
HOUR = ny("2025-06-11 10:30")


@pytest.fixture
def gateway():
    """The paper gateway on the market that the tasks ingest from, an hour before the first run."""
    source = SyntheticBarSource(SyntheticMarket(7, NyseCalendar()))
    with running_gateway(
        source_feed(source, spec_named("three_sector").universe.data), ny("2025-06-11 09:00")
    ) as running:
        yield running


@pytest.fixture
def desk(airflow_dags, database_url, gateway, monkeypatch, tmp_path):
    """Run a DAG of a demo desk; returns its final state and the states of its tasks."""
    checkout = Checkout(root=tmp_path, state=tmp_path, mode=Mode.DEMO)
    settings = {
        **own_gateway_settings(checkout, database_url, flex_port=gateway.flex_port),
        "AIRFLOW_CONN_AIRDESK_DB": database_url.replace("postgresql://", "postgres://", 1),
        "AIRDESK_MODE": "demo",
        "AIRDESK_BOOK": "demo:runs",
        "AIRDESK_SOURCES": "synthetic",
        "AIRDESK_BROKER_ACCOUNT": ACCOUNT,
        "AIRDESK_BROKER_PORT": str(gateway.port),
        "AIRDESK_GATEWAY_CONTROL_PORT": str(gateway.control_port),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    def run(dag_id: str, *, conf=None, logical_date: datetime | None = None):
        done = airflow_dags[dag_id].test(logical_date=logical_date, run_conf=conf or {})
        return str(done.state), {task.task_id: str(task.state) for task in done.get_task_instances()}

    return run


@pytest.fixture
def ask(database_url):
    """Run a query on the desk's database."""
    return partial(rows_of, database_url)


def counts(ask) -> dict[str, int]:
    return {table: ask(f"SELECT count(*) FROM {table}")[0][0] for table in COUNTED}


@pytest.mark.airflow
def test_an_hour_runs_green_and_running_it_again_changes_nothing(desk, ask, gateway):
    state, tasks = desk("hourly_trading", conf={"as_of": HOUR.isoformat()})
    assert {task for task, ended in tasks.items() if ended == "skipped"} == {
        "approve",
        "execute_approved",
        "rebalance_when_due",
    }
    assert (state, set(tasks.values())) == ("success", {"success", "skipped"})
    assert ask("SELECT book, as_of, is_closing FROM desk.decisions") == [("demo:runs", HOUR, False)]
    assert {badge for (badge,) in ask("SELECT badge FROM ops.outbox")} == {"SYNTHETIC"}
    before, sent = counts(ask), gateway.orders()
    state, _ = desk("hourly_trading", conf={"as_of": HOUR.isoformat()})
    assert state == "success"
    assert counts(ask) == before
    assert gateway.orders() == sent


@pytest.mark.airflow
def test_the_night_run_proves_the_books(desk, ask):
    desk("hourly_trading", conf={"as_of": HOUR.isoformat()})
    desk("hourly_trading", conf={"as_of": ny("2025-06-11 11:30").isoformat()})
    state, tasks = desk("nightly_reconciliation", conf={"as_of": ny("2025-06-11 16:00").isoformat()})
    assert (state, set(tasks.values())) == ("success", {"success"})
    assert ask("SELECT is_clean, session_on FROM ops.reconciliations WHERE kind = 'nightly'") == [(True, FIRST_ON)]
    assert ask("SELECT * FROM ops.breaks") == []
    ((account, covered_to),) = ask("SELECT account, to_on FROM staging.statements")
    assert (account, covered_to) == (ACCOUNT, FIRST_ON)
    told = ask("SELECT body, octet_length(picture) > 10000 FROM ops.outbox WHERE kind = 'daily_report'")
    assert [(body.split(":")[2].strip(), has_picture) for body, has_picture in told] == [("Wed 11 Jun 2025", True)]


@pytest.mark.airflow
def test_a_rebalance_decides_beside_the_hour_and_running_it_again_changes_nothing(desk, ask, gateway):
    desk("hourly_trading", conf={"as_of": HOUR.isoformat()})
    state, tasks = desk("quarterly_rebalance", conf={"as_of": HOUR.isoformat()})
    assert (state, tasks) == (
        "success",
        {"preview": "success", "execute": "success", "approve": "skipped", "execute_approved": "skipped"},
    )
    assert ask("SELECT kind, as_of FROM desk.decisions ORDER BY kind") == [("hourly", HOUR), ("rebalance", HOUR)]
    before, sent = counts(ask), gateway.orders()
    state, _ = desk("quarterly_rebalance", conf={"as_of": HOUR.isoformat()})
    assert state == "success"
    assert counts(ask) == before
    assert gateway.orders() == sent


SHIFT = "technology is 61.0% of NAV, over 60%"


def decide_with_a_shift(store, as_of: datetime) -> None:
    """Store an hourly decision that orders nothing and asks for a rebalance."""
    book, session_on = BookId.parse("demo:runs"), as_of.date()
    decision_id = decision_id_for(book, DecisionKind.HOURLY, as_of)
    decision = a_decision(decision_id=decision_id, book=book, as_of=as_of, cutoff_at=as_of, session_on=session_on)
    risk = BookRisk(
        as_of=as_of, session_on=session_on, kind=DecisionKind.HOURLY, nav_usd=100_000.0, drawdown_frac=0.0,
        lifetime_frac=0.0, breaker=Breaker(100_000.0, 100_000.0), state=TradingState.ACTIVE, vix=15.0, sectors=(),
        rebalance_due=SHIFT, balance=Balance(),
    )  # fmt: skip
    with store.transaction() as tx:
        tx.decisions.add(decision, (), Targets(as_of, 100_000.0, {}), [])
        tx.risk.add(decision_id, book, risk)


def rebalance_runs() -> list[tuple[str, str, object]]:
    """Return id, type and conf of every run of the rebalance that Airflow has."""
    from airflow.models import DagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        runs = session.query(DagRun).filter(DagRun.dag_id == "quarterly_rebalance").all()
        return [(run.run_id, str(run.run_type), run.conf) for run in runs if run.run_id.startswith("due__")]


@pytest.mark.airflow
def test_an_hour_whose_decision_holds_a_shift_triggers_one_rebalance_with_its_reason(desk, ask, store):
    desk("hourly_trading", conf={"as_of": HOUR.isoformat()})
    assert rebalance_runs() == []
    shifted = ny("2025-06-11 11:30")
    decide_with_a_shift(store, shifted)
    state, tasks = desk("hourly_trading", conf={"as_of": shifted.isoformat()})
    assert (state, tasks["rebalance_when_due"], tasks["report"]) == ("success", "success", "success")
    conf = {"as_of": shifted.isoformat(), "reason": SHIFT}
    triggered = [("due__20250611T1530__demo:runs", "operator_triggered", conf)]
    assert rebalance_runs() == triggered
    _, tasks = desk("hourly_trading", conf={"as_of": shifted.isoformat()})
    assert tasks["rebalance_when_due"] == "skipped", "an hour that is run again triggers nothing again"
    assert rebalance_runs() == triggered
    # What the triggered run does with that conf, and what it refuses.
    assert desk("quarterly_rebalance", conf=conf)[0] == "success"
    assert ask("SELECT reason, as_of FROM desk.rebalances") == [(SHIFT, shifted)]
    for wrong in ({"why": SHIFT}, {"reason": "x" * 201}, {"reason": 7}):
        state, tasks = desk("quarterly_rebalance", conf={"as_of": shifted.isoformat(), **wrong})
        assert (state, tasks["preview"]) == ("failed", "failed")


@pytest.mark.airflow
def test_a_step_that_cannot_work_turns_the_run_red_and_is_told(desk, ask, monkeypatch):
    monkeypatch.setenv("AIRDESK_BROKER_PORT", "0")
    state, tasks = desk("hourly_trading", conf={"as_of": HOUR.isoformat()})
    assert state == "failed"
    assert (tasks["sync_broker"], tasks["ingest_prices"], tasks["decide"]) == ("failed", "success", "failed")
    ((kind, body),) = ask("SELECT kind, body FROM ops.outbox WHERE severity = 'error'")
    assert kind == "dag_failure"
    assert "sync_broker" in body
    assert os.environ["AIRFLOW_CONN_AIRDESK_DB"] not in body


@pytest.mark.airflow
def test_a_replay_writes_its_own_book_and_reaches_no_broker(desk, ask, gateway):
    desk("hourly_trading", conf={"as_of": HOUR.isoformat()})
    live, sent = ask("SELECT count(*) FROM desk.decisions WHERE book = 'demo:runs'"), gateway.orders()
    state, tasks = desk("hourly_replay", conf={"book": "june"}, logical_date=ny("2025-06-10 18:00"))
    assert (state, tasks) == ("success", {"replay_session": "success"})
    assert ask("SELECT count(*), min(session_on), max(session_on) FROM desk.decisions WHERE book = 'replay:june'") == [
        (7, date(2025, 6, 10), date(2025, 6, 10))
    ]
    assert ask("SELECT count(*) FROM desk.decisions WHERE book = 'demo:runs'") == live
    assert gateway.orders() == sent
