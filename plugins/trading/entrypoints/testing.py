"""`airdesk test`: pytest with a state folder of its own; all of the tests in several workers side by side."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psutil

QUICK = ("unit", "architecture", "docs")
MOST_WORKERS = 4
WORKERS_PER_CORE = 2
"""Tests that run Airflow, gateways and Postgres mostly wait for them."""
WORKER_BYTES = 2_000_000_000
"""What a worker with an Airflow and a Postgres of its own needs at most."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "test",
        help="run the tests",
        description="Run the tests, all of them in several workers. Other arguments go to pytest; a path runs only "
        "that path, and -n 0 runs without workers.",
    )
    parser.add_argument("--unit", "--fast", action="store_true", dest="quick", help="only the tests that take seconds")
    parser.set_defaults(run=run, needs_database=False, passes_arguments=True)


def run(options: argparse.Namespace) -> int:
    """Run pytest and return its exit code; its closing line, with the count, is printed last."""
    root = Path(os.environ["AIRDESK_ROOT"])
    chosen = [] if _names_a_path(options.rest, root) else test_folders(root / "tests", quick=options.quick)
    with tempfile.TemporaryDirectory(prefix="airdesk-test-", ignore_cleanup_errors=True) as folder:
        # Postgres, started by root as somebody else, must be able to enter.
        Path(folder).chmod(0o755)
        workers = workers_for(options.rest) if chosen and not options.quick else []
        command = [sys.executable, "-m", "pytest", *workers, *options.rest, *chosen]
        return subprocess.run(command, cwd=root, env=test_environment(Path(folder)), check=False).returncode  # noqa: S603


def workers_for(arguments: Sequence[str]) -> list[str]:
    """Return pytest's options for as many workers as cores and memory carry; none where the person chose some.

    A file stays with one worker, because its tests share what is slow to start. The slowest files begin first, see
    `tests/conftest.py`.
    """
    if any(argument.startswith(("-n", "--numprocesses", "--dist", "--pdb", "-s")) for argument in arguments):
        return []
    by_memory = psutil.virtual_memory().available // WORKER_BYTES
    count = min(MOST_WORKERS, WORKERS_PER_CORE * (os.cpu_count() or 1), by_memory)
    return ["-n", str(count), "--dist", "loadfile", "--no-loadscope-reorder"] if count > 1 else []


def test_folders(tests: Path, *, quick: bool) -> list[str]:
    """Return the folders that hold tests, the quick ones first."""
    found = sorted({path.relative_to(tests).parts[0] for path in tests.rglob("test_*.py")})
    ordered = [name for name in QUICK if name in found] + [name for name in found if name not in QUICK]
    return [f"tests/{name}" for name in ordered if not quick or name in QUICK]


def test_environment(folder: Path) -> dict[str, str]:
    """Return an environment in which no setting, database or Airflow of the user's is visible."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRDESK_", "AIRFLOW_"))}
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME"):
        kept.pop(name, None)
    return {
        **kept,
        "AIRDESK_ROOT": os.environ["AIRDESK_ROOT"],
        "AIRDESK_STATE_DIR": str(folder / "state"),
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "TMPDIR": str(folder),
    }


def _names_a_path(arguments: Sequence[str], root: Path) -> bool:
    return any((root / argument.split("::")[0]).exists() for argument in arguments if not argument.startswith("-"))
