"""Programs of other people are compared with ours, and never part of it: backtrader is GPL."""

import ast
import re

from tests.architecture.sources import ROOT

PEERS = ("backtrader", "bt", "vectorbt")


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]


def test_each_peer_is_imported_by_its_own_program_only():
    paths = [p for folder in ("plugins", "dags", "benchmarks", "tests") for p in sorted(ROOT.glob(f"{folder}/**/*.py"))]
    found = {(path.name, name) for path in paths for name in imported(path) if name in PEERS}
    assert found == {(f"with_{name}.py", name) for name in PEERS}


def test_no_peer_is_required():
    required = re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert not set(PEERS) & {name.lower() for name in required}
