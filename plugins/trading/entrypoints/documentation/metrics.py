"""The table of metrics in docs/operations.md, made of the names that are sent."""

from __future__ import annotations

from trading.entrypoints.documentation.markdown import code, table
from trading.tasks.metrics import GAUGES, PREFIX

NAME = "docs/operations.md"
MARK = "metrics"
_OF_TASKS = (
    (f"`{PREFIX}.STEP.COUNT`", "e.g. `airdesk.execute.sent`, `airdesk.decide.denied`: the numbers of a task's log", ""),
    (f"`{PREFIX}.STEP.degraded`", "counter: a task went on without something", ""),
)


def metrics_table() -> str:
    """Return every metric with what it is and its tags beside the book."""
    rows = [(code(f"{PREFIX}.{metric}"), told, ", ".join(map(code, tags))) for metric, (told, tags) in GAUGES.items()]
    return table(("metric", "is", "tags"), [*_OF_TASKS, *rows])
