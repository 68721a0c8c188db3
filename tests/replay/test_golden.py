"""A replay is the same to the byte, run after run, whatever the process's hash seed, time zone and locale are."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT

PLACES = {
    "as it is": {},
    "once more": {},
    "another hash seed": {"PYTHONHASHSEED": "1"},
    "a third hash seed, east of the date line": {"PYTHONHASHSEED": "4242", "TZ": "Pacific/Kiritimati"},
    "New York": {"PYTHONHASHSEED": "2", "TZ": "America/New_York", "LC_ALL": "C"},
    "half an hour off, Turkish": {"TZ": "Asia/Kolkata", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "German, optimised": {"LC_ALL": "de_DE.UTF-8", "PYTHONOPTIMIZE": "1", "OMP_NUM_THREADS": "2"},
}
"""A locale that is not installed falls back to C, which is another one too."""


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    """Replay in a process of its own for each place, two at a time."""
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONHASHSEED", "TZ", "LC_ALL", "LANG"}}
    path = os.pathsep.join([str(ROOT / "plugins"), str(ROOT)])
    said, places = {}, list(PLACES.items())
    for pair in (places[n : n + 2] for n in range(0, len(places), 2)):
        running = {
            name: subprocess.Popen(
                [sys.executable, "-m", "tests.replay.told_replay"],
                cwd=ROOT, env={**kept, **place, "PYTHONPATH": path},
                stdout=subprocess.PIPE, text=True, encoding="utf-8",
            )
            for name, place in pair
        }  # fmt: skip
        for name, process in running.items():
            said[name], _ = process.communicate(timeout=240)
            assert process.returncode == 0, name
    return said


@pytest.mark.timeout(600)
@pytest.mark.parametrize("place", [name for name in PLACES if name != "as it is"])
def test_orders_fills_and_decisions_are_equal_to_the_byte(told, place):
    lines, others = told["as it is"].splitlines(), told[place].splitlines()
    differing = [(mine, other) for mine, other in zip(lines, others, strict=False) if mine != other]
    assert differing[:1] == []
    assert told[place] == told["as it is"]


def test_there_is_something_to_compare(told):
    kinds = [line.split()[0] for line in told["as it is"].splitlines()]
    assert kinds.count("order") > 20
    assert kinds.count("fill") > 8
    assert kinds.count("decision") == kinds.count("nav") > 200
