"""Run the contract suites with other client libraries, each in an environment of its own. Standard library only.

`ib_async` brings a package of the same import name as a dependency of `ib_insync` (eventkit), so the two can never
share an environment; IB's official client is for tests only; `massive` is the successor of `polygon-api-client`, taken
where it is installed. All live under `.airdesk/venvs`, made once per lock.

    python tests/clients/run.py [ib_async | ibapi | massive] [pytest options]
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.environments import child_environment, environment, told  # noqa: E402

LOCKS = Path(__file__).resolve().parent
SUITES = {
    "ib_async": ("tests/contract/gateway", "tests/contract/test_broker.py", "tests/contract/test_ibkr_*.py"),
    "ibapi": ("tests/contract/gateway",),
    "massive": ("tests/contract/test_polygon*.py",),
}
"""What runs where; an adapter's own tests run on both libraries that it supports."""


def main(arguments: list[str]) -> int:
    """Run the named suites, all by default; the exit code is 0 only if each passed."""
    names = [a for a in arguments if a in SUITES] or list(SUITES)
    options = [a for a in arguments if a not in SUITES]
    codes = [run_suite(name, options) for name in names]
    return max(codes)


def run_suite(name: str, options: list[str]) -> int:
    """Run one suite and return pytest's exit code."""
    python = environment(name, LOCKS / f"{name}.txt")
    paths = [str(path) for pattern in SUITES[name] for path in sorted(ROOT.glob(pattern))]
    print(f"--- {name}", flush=True)
    # The main conftest starts a Postgres, which these environments do not have and these suites do not need.
    command = [str(python), "-m", "pytest", "--confcutdir", str(ROOT / "tests" / "contract"), *paths, *options]
    return subprocess.run(command, cwd=ROOT, env=child_environment(), check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as failed:
        sys.exit(told(failed))
