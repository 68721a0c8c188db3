"""Nothing dead, nothing secret, nothing of one machine."""

import re
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, settings

from tests.architecture.sources import ROOT

# Called by a framework under this very name, so that no line of ours does.
CALLED_FROM_OUTSIDE = {
    "connection_made": "asyncio's protocol",
    "data_received": "asyncio's protocol",
    "eof_received": "asyncio's protocol",
    "connection_lost": "asyncio's protocol",
    "AirdeskPlugin": "Airflow looks for plugin classes",
    "deserialize": "Airflow reads a timetable back",
    "serialize": "Airflow stores a timetable",
    "summary": "Airflow shows it in the list of DAGs",
    "infer_manual_data_interval": "Airflow asks a timetable when a person triggers a run",
    "evaluate": "Airflow's retry policy",
    "notify_order": "backtrader tells a strategy",
    "next": "backtrader asks a strategy",
    "do_GET": "http.server",
    "log_message": "http.server",
    **dict.fromkeys(("readable", "seekable", "readinto"), "io asks a raw file"),
}

SECRETS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    re.compile(r"\b(?:ghp|gho|github_pat|xox[abp]|sk|AKIA)[-_][A-Za-z0-9_-]{16,}"),
    re.compile(r"(?i)\b(?:password|api_?key|secret|token)\s*[:=]\s*[\"'][A-Za-z0-9_\-]{16,}[\"']"),
    re.compile(r"\b\d{8,10}:AA[A-Za-z0-9_-]{32,}"),
)
ONE_MACHINE = re.compile(r"(?<![\w$~.])/(?:root|home/(?!ibgateway/)\w+|Users/\w+)/")
"""`ibgateway` is the user of the image of IB Gateway, on everybody's machine."""


def tracked_text_files():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout, so there is no list of tracked files")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if name != "requirements.txt" and path.is_file() and path.stat().st_size < 2_000_000:
            yield name, path.read_bytes().decode("utf-8", errors="ignore")


def test_no_secret_is_in_the_repository():
    found = [name for name, text in tracked_text_files() for pattern in SECRETS if pattern.search(text)]
    assert found == []


def test_no_path_of_one_machine_is_in_the_repository():
    assert [name for name, text in tracked_text_files() if ONE_MACHINE.search(text)] == []


def test_no_property_is_held_to_a_time():
    """One place says so for every test; one that names a time, or its own checks alone, brings it back."""
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check
    own = re.compile(r"suppress_health_check=(?!.*too_slow)|settings\([^)]*\bdeadline=")
    found = [path.name for path in (ROOT / "tests").rglob("test_*.py") if own.search(path.read_text(encoding="utf-8"))]
    assert found == [], "leave deadlines to tests/conftest.py"


def test_settings_and_state_are_not_tracked():
    names = {name for name, _ in tracked_text_files()}
    assert not [name for name in names if name == ".env" or name.startswith((".airdesk/", ".venv/"))]


@pytest.mark.timeout(120)
def test_no_function_class_or_method_is_dead():
    command = [sys.executable, "-m", "vulture", "plugins", "dags", "benchmarks", "--min-confidence", "60"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    found = re.findall(r"^(\S+): unused (?:function|class|method|property) '(\w+)'", done.stdout, re.M)
    # A DAG names its functions as text, so that parsing it imports none of them.
    named = {name for path in ROOT.glob("dags/*.py") for name in re.findall(r":(\w+)\"", path.read_text())}
    assert [entry for entry in found if entry[1] not in {*CALLED_FROM_OUTSIDE, *named}] == []


def test_no_two_test_modules_share_a_name():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names)), "pytest imports one of them for both"


LOADS = """
import importlib, pathlib, sys
sys.path[:0] = ["plugins", "."]
for path in sorted(pathlib.Path("tests").rglob("test_*.py")):
    importlib.import_module(".".join(path.with_suffix("").parts))
    if "airflow" in sys.modules:
        sys.exit(f"{path} loads Airflow when it is collected, before its settings are there; load it within a test")
"""


def test_no_test_file_loads_airflow_when_it_is_collected():
    done = subprocess.run([sys.executable, "-c", LOADS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
