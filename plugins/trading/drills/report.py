"""What a kill drill shows: a line while it runs, a table at the end; and its results file, from which it goes on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from trading.drills.checker import Violation, ViolationKind
from trading.drills.disturbances import Hazard
from trading.drills.halt_drill import HaltRound
from trading.drills.kill_drill import Tally

COLUMNS = ("kills", "pauses", "restarts", "retries", "hours", "orders", "fills", "denied", "parked")
JUDGED = {
    "duplicates": (ViolationKind.DUPLICATE, ViolationKind.UNCOMMITTED, ViolationKind.ORPHAN),
    "lost fills": (ViolationKind.LOST_FILL,),
    "ledger differs": (ViolationKind.LEDGER,),
    "unprotected": (ViolationKind.UNPROTECTED,),
    "other": (ViolationKind.UNSENT, ViolationKind.SILENT, ViolationKind.PARKED, ViolationKind.TASK),
}
"""Column of the table → the broken promises that it counts."""


def drill_table(tallies: Sequence[Tally], *, seed: int) -> Table:
    """Return one row per hazard and their sum."""
    table = Table(title=f"kill drill, seed {seed} (SIMULATED gateway)", box=None, pad_edge=False)
    table.add_column("mode")
    for name in (*COLUMNS, *JUDGED):
        table.add_column(name, justify="right")
    for hazard in Hazard:
        if mine := [t for t in tallies if t.hazard is hazard]:
            table.add_row(str(hazard), *_cells(mine))
    table.add_section()
    table.add_row("all", *_cells(tallies))
    return table


def halt_table(rounds: Sequence[HaltRound], *, seed: int) -> Table:
    """Return one row per halt."""
    table = Table(title=f"halt drill, seed {seed} (SIMULATED gateway)", box=None, pad_edge=False)
    for name in (
        "halt",
        "sent before it",
        "sent after it",
        "protection restored",
        "positions",
        "live stops",
        "broken promises",
    ):
        table.add_column(name, justify="right")
    for r in rounds:
        counts = (r.number, r.sent_before, r.sent_after, r.restored, r.positions, r.stops, len(r.violations))
        table.add_row(*map(str, counts))
    return table


def _cells(tallies: Sequence[Tally]) -> list[str]:
    counts = [sum(getattr(tally, name) for tally in tallies) for name in COLUMNS]
    broken = [violation.kind for tally in tallies for violation in tally.violations]
    return [*map(str, counts), *(str(sum(kind in kinds for kind in broken)) for kinds in JUDGED.values())]


def progress_line(tally: Tally, *, dead: int, kills: int, elapsed_seconds: float) -> str:
    """Return what a person who waits wants to know."""
    broken = f", {len(tally.violations)} BROKEN PROMISES" if tally.violations else ""
    return f"{dead}/{kills} kills, {elapsed_seconds / 60:.1f} min, {tally.hazard} world {tally.number}{broken}"


class Results:
    """One JSON line per finished world."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Tally]:
        """Return the worlds that are finished; none if there is no file."""
        if not self.path.exists():
            return []
        return [_tally(json.loads(line)) for line in self.path.read_text(encoding="utf-8").splitlines()]

    def add(self, tally: Tally) -> None:
        """Append a world."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(tally)) + "\n")

    def forget(self) -> None:
        """Start afresh."""
        self.path.unlink(missing_ok=True)


def _tally(plain: dict[str, object]) -> Tally:
    broken = plain.pop("violations")
    assert isinstance(broken, list), "written by `add`"
    violations = [Violation(ViolationKind(v["kind"]), v["words"]) for v in broken]
    return Tally(**{**plain, "hazard": Hazard(str(plain["hazard"])), "violations": violations})  # type: ignore[arg-type]
