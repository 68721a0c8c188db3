import subprocess
from pathlib import Path

import pytest
from trading.entrypoints import cli
from trading.entrypoints.testing import test_environment as environment_of_tests
from trading.entrypoints.testing import test_folders as folders_of_tests
from trading.entrypoints.testing import workers_for


def a_test(tests: Path, folder: str) -> None:
    (tests / folder).mkdir(parents=True)
    (tests / folder / "test_x.py").touch()


def test_quick_tests_come_first_and_empty_folders_not_at_all(tmp_path):
    for folder in ("integration", "dags", "unit/engine", "docs"):
        a_test(tmp_path, folder)
    (tmp_path / "data").mkdir()
    assert folders_of_tests(tmp_path, quick=False) == ["tests/unit", "tests/docs", "tests/dags", "tests/integration"]
    assert folders_of_tests(tmp_path, quick=True) == ["tests/unit", "tests/docs"]


def test_whoever_names_workers_or_a_debugger_gets_just_that():
    assert all(workers_for([option]) == [] for option in ("-n", "-n0", "--dist=load", "--pdb", "-s"))
    chosen = workers_for(["-x", "--no-header"])
    assert chosen == [] or chosen[0] == "-n"


def test_a_test_run_sees_none_of_the_users_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("AIRDESK_ROOT", "/checkout")
    monkeypatch.setenv("AIRDESK_DATABASE_URL", "postgresql://real")
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://real")
    environment = environment_of_tests(tmp_path)
    assert not any("real" in value for value in environment.values())
    assert environment["AIRDESK_STATE_DIR"] == str(tmp_path / "state")


@pytest.mark.parametrize("words", [["-k", "name"], ["--", "-k", "name"], ["--unit", "--", "-k", "name"]])
def test_what_pytest_is_told_may_stand_behind_a_separator(monkeypatch, tmp_path, words):
    def run(command, **_):
        seen.extend(command)
        return subprocess.CompletedProcess(command, 0)

    seen: list[str] = []
    monkeypatch.setenv("AIRDESK_ROOT", str(tmp_path))
    monkeypatch.setattr("subprocess.run", run)
    assert cli.main(["test", *words]) == 0
    assert seen[-2:] == ["-k", "name"]
    assert "--" not in seen
