"""`airdesk test`: pytest with a state folder of its own, the quick tests first."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

QUICK = ("unit", "architecture", "docs")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "test",
        help="run the tests",
        description="Run the tests, the quick ones first. Other arguments go to pytest; a path runs only that path.",
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
        command = [sys.executable, "-m", "pytest", *options.rest, *chosen]
        return subprocess.run(command, cwd=root, env=test_environment(Path(folder)), check=False).returncode  # noqa: S603


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
