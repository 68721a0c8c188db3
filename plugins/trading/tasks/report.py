"""StepReport: what a task tells Airflow. Counts and ids only; rows go through Postgres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

WAITING = "waiting"
"""Count that says how many orders wait for a person."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """Outcome of one task.

    Attributes:
        counts: e.g. {"bars_stored": 12}.
        notes: sentences for people; no secrets, no rows.
        decision_id: set by `decide` and what follows it.
        degraded: whether something was missing that blocks entries; the last task turns the run red.
    """

    step: str
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    decision_id: str | None = None
    degraded: bool = False

    def as_xcom(self) -> dict[str, object]:
        """Return the JSON form that crosses tasks."""
        return {
            "step": self.step,
            "counts": dict(self.counts),
            "notes": list(self.notes),
            "decision_id": self.decision_id,
            "degraded": self.degraded,
        }
