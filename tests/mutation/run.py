"""Mutation testing: does a test notice when one operator, number or word of the code changes? Standard library only.

    python tests/mutation/run.py [--module orders] [--quick] [--list]

mutmut lives in an environment of its own under `.airdesk/venvs` and works on a copy under `.airdesk/mutation`: the
sources of this checkout are never touched, whatever stops the run. docs/mutation.md says what it found. The exit code
is 1 if less than 85 % of the mutants of a module were killed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.environments import child_environment, environment, told  # noqa: E402

LOCK = Path(__file__).resolve().parent / "mutmut.txt"
KILLED_FRAC = 0.85
"""The least part of a module's mutants that the tests have to notice."""
SHARED_FILES = ("__init__.py", "builders.py", "oracles.py", "shared_data.py", "imported.py", "unit/__init__.py")
"""What the tests import from beside them; a name that is not there is left out."""


@dataclass(frozen=True)
class Target:
    """What is mutated, and the tests that have to notice.

    Attributes:
        sources: files below `plugins/trading`, as patterns. tests: below `tests`, as patterns.
    """

    sources: tuple[str, ...]
    tests: tuple[str, ...]


TARGETS = {
    "orders": Target(("domain/orders.py",), ("unit/domain/test_orders.py",)),
    "checks": Target(("execution/checks/*.py", "execution/limits.py", "execution/vetoes.py"), ("unit/execution/*.py",)),
    "risk": Target(("engine/breaker.py",), ("unit/engine/test_breaker.py",)),
    "lots": Target(("accounting/lots.py",), ("unit/accounting/test_lots*.py",)),
    "wash": Target(
        ("accounting/wash_sales.py", "accounting/tax/*.py"),
        ("unit/accounting/test_wash*.py", "unit/accounting/tax/*.py", "unit/execution/test_wash*.py"),
    ),
    "sizing": Target(("strategy/sizing.py",), ("unit/strategy/test_sizing*.py",)),
}
QUICK = ("orders", "risk")
"""Modules whose mutants take seconds."""
KILLED, TIMED_OUT, SURVIVED, UNSEEN = "killed", "timed out", "survived", "reached by no test"
_CODES = {0: SURVIVED, 5: UNSEEN, 33: UNSEEN}
_TIMES = frozenset({-24, 24, 36, 152, 255})
_CONFIGURATION = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = {only}
also_copy = ["tests", "docs"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-o", "addopts="]
pytest_add_cli_args_test_selection = {tests}
track_dependencies = false
use_git_change_detection = false
use_setproctitle = false

[tool.pytest.ini_options]
testpaths = ["tests"]
timeout = 300
markers = ["shared: reads the development data beside the checkout"]
"""


_SHOW = """
import json, sys
from mutmut.mutation.diff_apply import find_mutant, get_diff_for_mutant
print(json.dumps({name: get_diff_for_mutant(name, path=find_mutant(name).path) for name in sys.argv[1:]}))
"""
_CONFTEST = """
import functools
import gc

from hypothesis import HealthCheck, Phase, settings


def pytest_sessionstart(session):
    for kept in gc.get_objects():
        if isinstance(kept, functools._lru_cache_wrapper) and kept.__module__.startswith("trading."):
            kept.cache_clear()


found = {"phases": (Phase.explicit, Phase.generate), "database": None}
slow = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("mutation", derandomize=True, max_examples=20, **found, **slow)
settings.load_profile("mutation")
"""
"""Instead of the main one, which starts a Postgres. The same examples each time, so that a survivor stays one, and
none is made smaller: that takes longer than finding it. Each mutant runs in a copy of a process that ran the clean
tests: what the clean code remembered there has to go, or it answers for the mutant."""


def main(arguments: list[str]) -> int:
    """Mutate the chosen modules; the exit code is 0 only if each had enough of its mutants killed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--module", choices=TARGETS, action="append", help="only this one; may be repeated")
    parser.add_argument("--quick", action="store_true", help=f"only {' and '.join(QUICK)}")
    parser.add_argument("--list", action="store_true", help="show what each survivor changed")
    options = parser.parse_args(arguments)
    names = options.module or (list(QUICK) if options.quick else list(TARGETS))
    python = environment("mutation", LOCK)
    return max([_mutate(python, name, show=options.list) for name in names])


def _mutate(python: Path, name: str, *, show: bool) -> int:
    """Mutate one module in its copy, say what became of the mutants, and return 1 if too few were killed."""
    copy = _copied(name)
    print(f"--- {name}: {', '.join(TARGETS[name].sources)}", flush=True)
    command = [str(python), "-m", "mutmut", "run", "--max-children", "1"]
    log = copy / "mutmut.log"
    with log.open("w", encoding="utf-8") as written:
        done = subprocess.run(command, cwd=copy, env=_environment(), stdout=written, stderr=written, check=False)
    found = _outcomes(copy)
    if done.returncode or not found:
        print("\n".join(log.read_text(encoding="utf-8").splitlines()[-40:]))
        print(f"{name}: mutmut stopped with code {done.returncode}; its words are in {log}")
        return 1
    counts = Counter(found.values())
    part = (counts[KILLED] + counts[TIMED_OUT]) / len(found)
    words = ", ".join(f"{counts[kind]} {kind}" for kind in (KILLED, TIMED_OUT, SURVIVED, UNSEEN) if counts[kind])
    print(f"{name}: {part:.1%} of {len(found)} mutants killed ({words})", flush=True)
    left = [m for m, outcome in sorted(found.items()) if outcome in (SURVIVED, UNSEEN)]
    changed = _differences(python, copy, left) if show and left else {}
    for mutant in left:
        print("\n".join(filter(None, (f"  {found[mutant]}: {mutant}", changed.get(mutant)))), flush=True)
    return int(part < KILLED_FRAC)


def _copied(name: str) -> Path:
    """Return a folder with the sources, the tests of the target and a configuration for mutmut; anything old goes."""
    state = Path(os.environ.get("AIRDESK_STATE_DIR") or ROOT / ".airdesk").resolve()
    copy, target = state / "mutation" / name, TARGETS[name]
    shutil.rmtree(copy, ignore_errors=True)
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "plugins" / "trading", copy / "src" / "trading", ignore=unwanted)
    shutil.copytree(ROOT / "docs", copy / "docs", ignore=unwanted)
    matched = [path for pattern in target.tests for path in sorted((ROOT / "tests").glob(pattern))]
    chosen = [path for path in dict.fromkeys(matched) if path.name.startswith("test_")]
    beside = [path for folder in {path.parent for path in chosen} for path in folder.glob("*.py")]
    helpers = [path for path in beside if not path.name.startswith("test_")]
    shared = [path for path in (ROOT / "tests" / file for file in SHARED_FILES) if path.is_file()]
    for path in dict.fromkeys((*chosen, *helpers, *shared)):
        placed = copy / path.relative_to(ROOT)
        placed.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, placed)
    if (ROOT.parent / "shared").is_dir():
        (copy / "shared").symlink_to(ROOT.parent / "shared")
    only = [f"src/trading/{pattern}" for pattern in target.sources]
    tests = [str(path.relative_to(ROOT)) for path in chosen]
    (copy / "tests" / "conftest.py").write_text(_CONFTEST, encoding="utf-8")
    written = _CONFIGURATION.format(only=json.dumps(only), tests=json.dumps(tests))
    (copy / "pyproject.toml").write_text(written, encoding="utf-8")
    return copy


def _environment() -> dict[str, str]:
    return {**child_environment(), "PYTHONDONTWRITEBYTECODE": "1"}


def _outcomes(copy: Path) -> dict[str, str]:
    """Return what became of each mutant, by its name."""
    found: dict[str, str] = {}
    for meta in sorted((copy / "mutants").rglob("*.meta")):
        for mutant, code in json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"].items():
            found[mutant] = TIMED_OUT if code in _TIMES else _CODES.get(code, KILLED)
    return found


def _differences(python: Path, copy: Path, mutants: list[str]) -> dict[str, str]:
    """Return what each mutant changed, as lines with - and +."""
    command = [str(python), "-c", _SHOW, *mutants]
    shown = subprocess.run(command, cwd=copy, env=_environment(), capture_output=True, text=True, check=True).stdout
    changed = {name: diff.splitlines() for name, diff in json.loads(shown.splitlines()[-1]).items()}
    return {
        name: "\n".join(f"      {line}" for line in lines if line[:1] in "+-" and not line.startswith(("+++", "---")))
        for name, lines in changed.items()
    }


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as failed:
        sys.exit(told(failed))
