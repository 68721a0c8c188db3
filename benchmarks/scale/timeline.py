"""What one run of a DAG did when: from Airflow's own tables, and from what each step says of its time in its log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trading.adapters.postgres_store.connection import connect

TOOK = re.compile(r"^(\w+) took ([\d.]+) s after ([\d.]+) s to load$")
SENT = re.compile(r"^execute \{.*'sent': (\d+)")
TASKS = """
    SELECT task_id, start_date, end_date FROM task_instance
    WHERE dag_id = %s AND run_id = %s AND start_date IS NOT NULL AND state = 'success' ORDER BY start_date
"""
DUE = "SELECT run_after FROM dag_run WHERE dag_id = %s AND run_id = %s"


@dataclass(frozen=True, slots=True)
class TaskTime:
    """Where the time of a task went [s].

    Attributes:
        waits: from the end of what it waited for to its process; the scheduler's.
        starts: until its function is called: Airflow's supervisor and the DAG file.
        loads: the function's modules, settings and services. works: the function itself.
        ends: until Airflow has noted its end.
        ended: since the run was due.
    """

    task_id: str
    waits: float
    starts: float
    loads: float
    works: float
    ends: float
    ended: float


@dataclass(frozen=True, slots=True)
class RunTime:
    """One run: its tasks in the order of their starts, and how many legs of orders were sent."""

    tasks: Sequence[TaskTime]
    sent: int

    @property
    def last_order(self) -> float:
        """Return the seconds from the instant at which the run was due to the end of the task that sends orders."""
        return next(task.ended for task in self.tasks if task.task_id == "execute")


def timeline(airflow_url: str, logs: Path, dag_id: str, run_id: str) -> RunTime:
    """Read the times of a run that is over."""
    with closing(connect(airflow_url)) as connection, connection.cursor() as cursor:
        cursor.execute(DUE, (dag_id, run_id))
        ((due_at,),) = cursor.fetchall()
        cursor.execute(TASKS, (dag_id, run_id))
        rows = cursor.fetchall()
    ends = sorted([due_at, *(end for _, _, end in rows)])
    tasks, sent = [], 0
    for task_id, start, end in rows:
        lines = list(_said(logs / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"))
        sent += sum(int(found[1]) for _, event in lines if (found := SENT.match(event)))
        took = next(((at, found) for at, event in lines if (found := TOOK.match(event))), None)
        before = max(at for at in ends if at <= start)
        waits, ended = (start - before).total_seconds(), (end - due_at).total_seconds()
        if took is None:
            tasks.append(TaskTime(task_id, waits, (end - start).total_seconds(), 0.0, 0.0, 0.0, ended))
            continue
        at, works, loads = took[0], float(took[1][2]), float(took[1][3])
        starts = (at - start).total_seconds() - works - loads
        tasks.append(TaskTime(task_id, waits, starts, loads, works, (end - at).total_seconds(), ended))
    return RunTime(tasks, sent)


def _said(folder: Path) -> Iterator[tuple[datetime, str]]:
    for file in sorted(folder.glob("*.log")):
        for line in file.read_text(encoding="utf-8").splitlines():
            said = json.loads(line)
            if "timestamp" in said:
                yield datetime.fromisoformat(said["timestamp"]), str(said["event"])
