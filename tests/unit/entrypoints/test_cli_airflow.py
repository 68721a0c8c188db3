import pytest
from trading.entrypoints import cli
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.cli_airflow import environment_of_the_desk
from trading.entrypoints.run_record import RunRecord, run_lock, this_process
from trading.errors import PermanentError, TransientError
from trading.settings import Mode

NAMED = {"AIRDESK_DATABASE_URL": "postgresql://desk@127.0.0.1:1/airdesk"}


@pytest.fixture
def checkout(tmp_path):
    checkout = Checkout(tmp_path, tmp_path / "state", Mode.PAPER)
    checkout.make_folders()
    return checkout


@pytest.mark.parametrize(("mode", "starts"), [(Mode.PAPER, r"\./airdesk up"), (Mode.DEMO, r"\./airdesk demo")])
def test_without_a_desk_it_says_how_to_start_one(tmp_path, mode, starts):
    with pytest.raises(PermanentError, match=f"no {mode} desk runs .* start it with {starts}"):
        environment_of_the_desk(Checkout(tmp_path, tmp_path, mode), NAMED)


def test_a_desk_without_an_address_is_just_starting(checkout):
    with run_lock(checkout.state), pytest.raises(TransientError, match="just starting"):
        environment_of_the_desk(checkout, NAMED)


def test_a_running_desk_lends_its_address_its_database_and_its_settings(checkout):
    RunRecord(this_process(), url="http://127.0.0.1:8081", exports={"AIRDESK_BROKER_PORT": "4002"}).write(
        checkout.state
    )
    with run_lock(checkout.state):
        environment = environment_of_the_desk(checkout, NAMED)
    assert environment["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8081"
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == "postgresql+psycopg2://desk@127.0.0.1:1/airflow"
    assert environment["AIRFLOW_HOME"] == str(checkout.airflow_home)
    assert (environment["AIRDESK_MODE"], environment["AIRDESK_BROKER_PORT"]) == ("paper", "4002")
    assert environment["PYTHONWARNINGS"] == "ignore"


@pytest.mark.parametrize("words", [["--help"], ["dags", "list", "-o", "json"], ["dags", "--help"], ["version"]])
def test_every_argument_reaches_airflow_as_it_was_written(monkeypatch, words):
    seen = []
    monkeypatch.setattr("trading.entrypoints.cli_airflow.environment_of_the_desk", lambda *_: {})
    monkeypatch.setattr("os.execve", lambda program, command, environment: seen.append(command))
    cli.main(["airflow", *words])
    assert seen[0][1:] == ["-m", "airflow", *words]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--", "dags", "list"], ["dags", "list"]),
        (["--", "--help"], ["--help"]),
        (["dags", "trigger", "--", "x"], ["dags", "trigger", "--", "x"]),
    ],
)
def test_only_a_separator_of_ours_is_kept_from_airflow(monkeypatch, words, told):
    seen = []
    monkeypatch.setattr("trading.entrypoints.cli_airflow.environment_of_the_desk", lambda *_: {})
    monkeypatch.setattr("os.execve", lambda program, command, environment: seen.append(command))
    cli.main(["airflow", *words])
    assert seen[0][1:] == ["-m", "airflow", *told]
