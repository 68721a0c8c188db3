"""A search through Airflow's own task runner says what the command line says."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import date

import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store.connection import connect
from trading.domain.searches import Conditions, Plan, Search, SearchKind, Window
from trading.errors import PermanentError
from trading.research.searchers import chosen_points

from tests.dags.desk import rows_of
from tests.fakes import ny
from tests.integration.worlds import fill_with_synthetic_market

SETS = ["trail=0.10,0.12,0.15", "rsi_exit=60,75"]
SEARCH = {
    "name": "grid", "from": "2024-07-01", "to": "2024-07-31", "strategy": "technical_core", "sets": SETS,
    "objective": "total", "min_trades": 1, "batch": 4,
}  # fmt: skip
WALK = {
    **SEARCH, "name": "walk", "kind": "walk-forward", "from": "2024-06-03", "to": "2024-08-30", "train": 1, "test": 1,
    "embargo": 2, "searcher": "optuna", "trials": 3,
}  # fmt: skip


@pytest.fixture
def research(airflow_dags, database_url, store, monkeypatch, tmp_path):
    """Trigger the DAG; returns its final state, and state and name of each task, mapped ones by their index."""
    fill_with_synthetic_market(store, NyseCalendar(), until=ny("2024-08-30 16:00"), days=110)
    settings = {
        "AIRFLOW_CONN_AIRDESK_DB": database_url.replace("postgresql://", "postgres://", 1),
        "AIRDESK_DATABASE_URL": database_url,
        "AIRDESK_MODE": "paper",
        "AIRDESK_BOOK": "paper:desk",
        "AIRDESK_SOURCES": "stored",
        "AIRDESK_STATE_DIR": str(tmp_path),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    def run(**conf):
        done = airflow_dags["research_replay"].test(run_conf=conf)
        tasks = {(t.task_id, t.map_index): (str(t.state), t.rendered_map_index) for t in done.get_task_instances()}
        return str(done.state), tasks

    return run


@pytest.fixture
def command(capsys):
    """Run `./airdesk replay …` on the same database; returns what it printed as JSON."""
    from trading.entrypoints import cli

    def run(*words: str):
        capsys.readouterr()
        assert cli.main(["replay", *words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def typed(conf: dict, *words: str) -> list[str]:
    sets = [word for each in SETS for word in ("--set", each)]
    days = ("--from", conf["from"], "--to", conf["to"])
    return [*words, *days, "--strategy", "technical_core", "--objective", "total", "--min-trades", "1", *sets]


def result(told: dict) -> dict:
    return {name: told[name] for name in ("plan", "windows", "summary", "trials", "outcomes")}


@pytest.mark.airflow
def test_a_grid_over_tasks_is_the_grid_of_the_command_line(research, command, database_url, tmp_path):
    state, tasks = research(**SEARCH)
    assert (state, {ended for ended, _ in tasks.values()}) == ("success", {"success"})
    assert {tasks["trials", n][1] for n in (0, 1)} == {"trials 1 to 4", "trials 5 to 6"}
    told = command("search", "grid")
    assert len(told["trials"]) == 6
    assert result(told) == result(command(*typed(SEARCH, "search", "by-hand")))
    assert "around the best trial" in (tmp_path / "reports" / "grid.html").read_text()
    assert rows_of(database_url, "SELECT count(*) FROM desk.books") == [(0,)], "nothing is traded"

    stamps = "SELECT xmin, key FROM desk.search_trials ORDER BY key"
    before = rows_of(database_url, stamps)
    assert research(**SEARCH)[0] == "success"
    assert rows_of(database_url, stamps) == before, "the same search again tries nothing again"


@pytest.mark.airflow
def test_a_batch_that_was_lost_is_run_again_alone(research, command, database_url):
    assert research(**SEARCH)[0] == "success"
    whole = result(command("search", "grid"))
    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM desk.search_trials WHERE number >= 4")
    assert research(**SEARCH)[0] == "success"
    assert result(command("search", "grid")) == whole


@pytest.mark.airflow
def test_windows_over_tasks_are_the_windows_of_the_command_line(research, command):
    state, tasks = research(**WALK)
    assert state == "success"
    assert tasks["trials", 1][1] == "2: tests 2024-08 to 2024-08"
    told = command("walk-forward", "walk")
    assert (len(told["outcomes"]), len(told["trials"])) == (2, 6)
    words = ("--train", "1", "--test", "1", "--embargo", "2", "--searcher", "optuna", "--trials", "3")
    assert result(told) == result(command(*typed(WALK, "walk-forward", "by-hand", *words)))


@pytest.mark.airflow
def test_nonsense_is_refused_by_the_plan_with_a_sentence(research, database_url):
    state, tasks = research(**SEARCH | {"sets": ["trail=0.5"]})
    assert (state, tasks["plan", -1][0]) == ("failed", "failed")
    ((body,),) = rows_of(database_url, "SELECT body FROM ops.outbox")
    assert "trail=0.5 lies outside 0.1..0.15" in body
    assert rows_of(database_url, "SELECT count(*) FROM desk.searches") == [(0,)]


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [
        ({"kind": "guess"}, "kind='guess': choose one of search, walk-forward"),
        ({"searcher": "optuna"}, "learns from one trial after the other"),
        ({"objective": "luck"}, "choose one of sharpe, sortino"),
        ({"sets": "trail=0.12"}, "write a list such as"),
        ({"sets": []}, "nothing to vary"),
        ({"from": None}, "from=None is not a date"),
        ({"to": "soon"}, "to='soon' is not a date"),
        ({"batch": 0}, "batch=0: write a whole number from 1 on"),
        ({"trials": 1.5}, "trials=1.5: write a whole number"),
        ({"kind": "walk-forward", "train": True}, "train=True: write a whole number"),
        ({"stes": ["trail=0.12"]}, "unknown keys stes"),
    ],
)
def test_each_wrong_parameter_has_its_sentence(airflow_home, conf, sentence):
    from trading.entrypoints.airflow.research import plan_of

    given = defaults() | SEARCH | conf
    with pytest.raises(PermanentError, match=sentence):
        plan_of(given, conf, "three_sector", Conditions())


def test_a_long_grid_comes_in_batches_that_airflow_can_map(airflow_home, dagbag):
    from trading.entrypoints.airflow.research import plan_of, units_of

    given = defaults() | SEARCH | {"sets": ["vix=12..80:0.1", "rsi_exit=60,65,70,75"], "batch": 1, "kind": "search"}
    plan, batch = plan_of(given, {}, "three_sector", Conditions())
    units = units_of(a_search(plan), batch)
    assert len(units) <= 1_000
    covered = [number for unit in units for number in range(unit["first"], unit["first"] + unit["count"])]
    assert covered == list(range(len(chosen_points(plan))))


def defaults() -> dict:
    return {
        "kind": "search", "searcher": "grid", "trials": None, "seed": 1, "train": 24, "test": 6, "embargo": 5,
        "anchored": False,
    }  # fmt: skip


def a_search(plan: Plan) -> Search:
    assert plan.kind is SearchKind.SEARCH
    return Search("long", plan, "", ny("2024-08-30 16:00"), "", True, (Window(0, date(2024, 7, 1), date(2024, 7, 31)),))
