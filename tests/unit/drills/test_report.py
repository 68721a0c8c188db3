"""A drill that was interrupted goes on from its results file; its table counts what was broken."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from trading.drills.checker import Violation, ViolationKind
from trading.drills.disturbances import Hazard
from trading.drills.kill_drill import Tally
from trading.drills.line_counter import group_of
from trading.drills.report import Results, drill_table

TALLIES = [
    Tally(Hazard.LINES, 0, kills=12, orders=30, fills=9),
    Tally(Hazard.LINES, 1, kills=8, orders=20, violations=[Violation(ViolationKind.LOST_FILL, "x1 is not booked")]),
    Tally(Hazard.RESTARTS, 0, kills=5, restarts=7),
]


def test_finished_worlds_are_read_back_as_they_were(tmp_path) -> None:
    results = Results(tmp_path / "folder" / "kill.jsonl")
    assert results.read() == []
    for tally in TALLIES:
        results.add(tally)
    assert Results(results.path).read() == TALLIES
    results.forget()
    assert results.read() == []


def test_the_table_adds_up_each_hazard_and_all_of_them() -> None:
    page = io.StringIO()
    Console(file=page, width=150).print(drill_table(TALLIES, seed=3))
    rows = {line.split()[0]: line.split()[1:] for line in page.getvalue().splitlines() if line.strip()}
    assert rows["lines"][0] == "20"
    assert rows["restarts"][:3] == ["5", "0", "7"]
    assert rows["all"][0] == "25"
    assert rows["lines"][-4] == rows["all"][-4] == "1", "one lost fill"
    assert rows["restarts"][-4] == "0"


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("/anywhere/site-packages/ib_insync/wrapper.py", "library"),
        ("/anywhere/site-packages/ib_async/wrapper.py", "library"),
        ("/usr/lib/python3.12/json/decoder.py", None),
    ],
)
def test_lines_are_counted_in_the_client_library_but_not_in_python_itself(path: str, group: str | None) -> None:
    assert group_of(path) == group
