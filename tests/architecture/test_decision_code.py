"""A decision is the same whenever, wherever and in whatever process it is made: the lint, and that the lint sees."""

import ast

import pytest

from tests.architecture.decision_lint import impurities, known_sets, set_orders
from tests.architecture.sources import ROOT, name_of, parsed, product_files

DECIDING = ("domain", "analysis", "strategy", "engine", "execution", "accounting")
AROUND = {
    "tasks": {"time.sleep"},
    "ports": (),
    "reporting": (),
    "synthetic": (),
    "drills": {"time.sleep", "time.monotonic", "random.Random", "os.getpid", "tempfile.TemporaryDirectory"},
}
"""Rooms that hand facts to decisions, or show them, with what they may ask: waiting, and seconds that are only shown.

The order of what they only report is free.
"""


def files_of(room):
    return [path for path in product_files() if path.is_relative_to(ROOT / "plugins" / "trading" / room)]


def deciding_files():
    return [path for room in DECIDING for path in files_of(room)]


def test_decision_code_asks_no_clock_draws_nothing_and_reads_no_surroundings():
    found = [finding.at(name_of(path)) for path in deciding_files() for finding in impurities(parsed(path))]
    assert found == []


@pytest.mark.parametrize("room", AROUND)
def test_what_surrounds_a_decision_asks_no_clock_either(room):
    found = [f.at(name_of(path)) for path in files_of(room) for f in impurities(parsed(path), allowed=AROUND[room])]
    assert found == []


def test_the_order_of_no_set_reaches_a_decision():
    paths = deciding_files()
    known = known_sets(map(parsed, paths))
    assert [finding.at(name_of(path)) for path in paths for finding in set_orders(parsed(path), known)] == []


def test_every_room_is_looked_at():
    assert all(files_of(room) for room in (*DECIDING, *AROUND))


@pytest.mark.parametrize(
    ("planted", "what"),
    [
        ("from datetime import datetime\ndatetime.now()", "datetime.datetime.now"),
        ("import datetime as dt\ndt.datetime.utcnow()", "datetime.datetime.utcnow"),
        ("from datetime import date as day\nday.today()", "datetime.date.today"),
        ("import time\ntime.time()", "time.time"),
        ("from time import perf_counter as tick\ntick()", "time.perf_counter"),
        ("import time\ntime.monotonic_ns()", "time.monotonic_ns"),
        ("import pandas as pd\npd.Timestamp.now()", "pandas.Timestamp.now"),
        ("import numpy as np\nnp.datetime64('now')", "numpy.datetime64('now')"),
        ("import random\nrandom.random()", "random.random"),
        ("import numpy as np\nnp.random.normal()", "numpy.random.normal"),
        ("import numpy as np\nnp.random.default_rng()", "numpy.random.default_rng() without a seed"),
        ("from uuid import uuid4\nuuid4()", "uuid.uuid4"),
        ("import os\nos.environ['A']", "os.environ"),
        ("from os import getenv\ngetenv('A')", "os.getenv"),
        ("hash('a')", "hash()"),
    ],
)
def test_a_planted_impurity_is_found_whatever_its_name(planted, what):
    finding = next(iter(impurities(ast.parse(f"\n{planted}"))))
    assert finding.what == what
    where, _, instead = finding.at("plugins/trading/engine/x.py").partition(f" {what}: ")
    assert where == f"plugins/trading/engine/x.py:{planted.count(chr(10)) + 2}"
    assert len(instead.split()) > 3, "says what to do instead"


@pytest.mark.parametrize(
    "planted",
    [
        "for x in set(names):\n    out.append(x)",
        "names = {s for s in all_names}\nout = [n for n in names]",
        "def f(held: frozenset[str]):\n    return tuple(held)",
        "def held() -> set[str]: ...\nout = ','.join(held())",
        "class Desk:\n    held: frozenset[str]\nout = {s: 1 for s in desk.held}",
        "out = [*({'a'} | other)]",
        "out = list({'a', 'b'} - gone)",
        "total = sum({0.1, 0.2})",
        "nearest = min({1, 2}, key=distance)",
    ],
)
def test_a_planted_order_of_a_set_is_found(planted):
    tree = ast.parse(planted)
    assert len(list(set_orders(tree, known_sets([tree])))) == 1


@pytest.mark.parametrize(
    "harmless",
    [
        "for x in sorted(set(names)):\n    out.append(x)",
        "is_held = any(s in held for s in {'a', 'b'})",
        "both = {s for s in {'a'} | {'b'}}",
        "count = len(set(names))",
        "top = max({1, 2})",
        "import numpy as np\nnp.random.default_rng(7)",
        "from datetime import datetime, UTC\ndatetime(2024, 1, 2, tzinfo=UTC)",
        "def f(time):\n    return time.time",
    ],
)
def test_what_is_harmless_is_let_through(harmless):
    tree = ast.parse(harmless)
    assert [*set_orders(tree, known_sets([tree])), *impurities(tree)] == []
