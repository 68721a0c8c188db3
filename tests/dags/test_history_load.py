"""Bulk history through Airflow's own task runner, against a vendor on loopback."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.dags.desk import rows_of
from tests.http_stub import Answer, http_stub
from tests.integration.test_vendors import CANARY, Vendor, environment

CONF = {"symbols": ["NVDA", "GLD"], "from": "2026-11-02", "to": "2026-11-19", "what": ["bars"]}
TODAY = date(2026, 11, 20)
BARS_OF_ONE = 14 + 14 * 13


@pytest.fixture
def vendor():
    with http_stub() as stub:
        yield Vendor(stub)


@pytest.fixture
def load(airflow_dags, database_url, vendor, monkeypatch):
    """Trigger the DAG; returns its final state, and state and name of each task, mapped ones by their index."""
    for name, value in environment(database_url, vendor, POLYGON_PLAN="advanced").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AIRFLOW_CONN_AIRDESK_DB", database_url.replace("postgresql://", "postgres://", 1))
    dag = airflow_dags["history_load"]
    # One try a task: the test triggers the run again instead of waiting minutes.
    monkeypatch.setitem(dag.get_task("load").partial_kwargs, "retries", 0)

    def run(**conf):
        done = dag.test(run_conf=CONF | conf)
        tasks = {(t.task_id, t.map_index): (str(t.state), t.rendered_map_index) for t in done.get_task_instances()}
        return str(done.state), tasks

    return run


@pytest.mark.airflow
def test_a_load_is_whole_and_the_second_one_asks_for_nothing(load, vendor, database_url):
    state, tasks = load()
    assert (state, {ended for ended, _ in tasks.values()}) == ("success", {"success"})
    assert tasks["load", 1][1] == "NVDA 30m 2026-11..2026-11"
    counted = "SELECT symbol, count(*), max(revision) FROM market.bars GROUP BY 1 ORDER BY 1"
    assert rows_of(database_url, counted) == [("GLD", BARS_OF_ONE, 0), ("NVDA", BARS_OF_ONE, 0)]
    asked = len(vendor.stub.asked)
    state, tasks = load()
    assert (state, tasks["load", -1][0], tasks["summary", -1][0]) == ("success", "skipped", "success")
    assert len(vendor.stub.asked) == asked


@pytest.mark.airflow
def test_a_load_that_an_outage_broke_goes_on_with_what_is_lacking(load, vendor, database_url):
    good = vendor.stub.answer
    vendor.stub.answer = lambda path: Answer("down", status=500) if "ticker/GLD/range/30" in path else good(path)
    state, tasks = load()
    assert state == "failed"
    assert [ended for (task, _), (ended, _) in sorted(tasks.items()) if task == "load"].count("failed") == 1
    assert tasks["summary", -1][0] == "failed"
    vendor.stub.answer, asked = good, len(vendor.stub.asked)
    state, tasks = load()
    assert (state, tasks["load", 0]) == ("success", ("success", "GLD 30m 2026-11..2026-11"))
    assert ("load", 1) not in tasks
    assert len(vendor.stub.asked) == asked + 1
    assert rows_of(database_url, "SELECT count(*), max(revision) FROM market.bars") == [(2 * BARS_OF_ONE, 0)]
    (body,) = [body for (body,) in rows_of(database_url, "SELECT body FROM ops.outbox")]
    assert "history_load" in body
    assert CANARY not in body


@pytest.mark.airflow
def test_a_load_of_nonsense_is_refused_with_a_sentence_and_asks_nobody(load, vendor, database_url):
    state, tasks = load(symbols=["ZZZZ"])
    assert (state, tasks["plan", -1][0]) == ("failed", "failed")
    ((body,),) = rows_of(database_url, "SELECT body FROM ops.outbox")
    assert "ZZZZ: not in the universe of the strategy" in body
    assert vendor.stub.asked == []


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [
        ({"symbols": "NVDA"}, "write a list of tickers"),
        ({"symbols": ["NV DA"]}, "write a list of tickers"),
        ({"symbols": ["ZZZZ"]}, "ZZZZ: not in the universe"),
        ({"from": "2026-11-19", "to": "2026-11-02"}, "lies after to=2026-11-02"),
        ({"from": "2026-12-01", "to": None}, "lies after to=2026-11-20"),
        ({"to": "2027-01-04"}, "lies in the future"),
        ({"from": "soon"}, "is not a date"),
        ({"from": None}, "is not a date"),
        ({"what": ["gossip"]}, "write a list of bars"),
        ({"what": []}, "write a list of bars"),
        ({"sybmols": ["NVDA"]}, "unknown keys sybmols"),
    ],
)
def test_each_wrong_parameter_has_its_sentence(airflow_home, conf, sentence):
    from trading.entrypoints.airflow.history import request_of
    from trading.errors import PermanentError
    from trading.strategy.three_sector import three_sector

    given = CONF | conf
    with pytest.raises(PermanentError, match=sentence):
        request_of(given, given, three_sector().universe, TODAY)


def test_no_symbol_means_the_whole_universe(airflow_home):
    from trading.entrypoints.airflow.history import request_of
    from trading.strategy.three_sector import three_sector

    universe = three_sector().universe
    asked = request_of(CONF | {"symbols": [], "to": None}, {}, universe, TODAY)
    assert (asked.symbols, asked.last_on) == (universe.data, None)


def test_more_pieces_than_airflow_maps_over_come_several_to_a_batch(airflow_home):
    from trading.entrypoints.airflow.history import batches_of

    batches = batches_of([(f"piece {number}", {"number": number}) for number in range(2_500)])
    assert len(batches) <= 1_000
    assert [unit["number"] for batch in batches for unit in batch["units"]] == list(range(2_500))
    assert batches[0]["label"] == "piece 0 and 2 more"


def test_the_load_stands_behind_live_work_and_waits_for_the_next_days_calls(dagbag):
    from trading.entrypoints.airflow.retry_policy import Patient
    from trading.errors import QuotaExhausted, VendorRateLimited

    load = dagbag.dags["history_load"].get_task("load")
    assert (load.pool, load.priority_weight, load.weight_rule) == ("vendors", 1, "absolute")
    tomorrow = datetime.now(UTC) + timedelta(hours=3)
    waits = Patient().evaluate(QuotaExhausted("used up", vendor="x", resumes_at=tomorrow), 1, 30)
    assert timedelta(hours=3) <= waits.retry_delay <= timedelta(hours=3, minutes=6)
    next_month = QuotaExhausted("spent", vendor="x", resumes_at=datetime.now(UTC) + timedelta(days=9))
    assert Patient().evaluate(next_month, 1, 30).action.value == "fail"
    limited = VendorRateLimited("wait", vendor="x", retry_after_seconds=3_600)
    assert Patient().evaluate(limited, 1, 30).retry_delay == timedelta(hours=1)


def test_the_form_has_a_field_for_each_parameter(dagbag):
    params = dagbag.dags["history_load"].params
    assert list(params) == ["symbols", "from", "to", "what", "source"]
    for name in params:
        assert params.get_param(name).schema["title"], name
    assert params.get_param("from").schema["format"] == "date"
    assert params.get_param("what").schema["examples"] == ["bars", "actions", "news", "filings", "earnings", "macro"]
