"""docs/reference/dags.md, made of the DAG objects that Airflow loads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from trading.entrypoints.documentation.markdown import code, page, sentence, table

NAME = "docs/reference/dags.md"
SOURCE = "the DAGs in `dags/` and `include/pools.json`"
_TIMES = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def dags_page(dags: Mapping[str, Any], pools: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page of all DAGs.

    Args:
        dags: DAG objects by id.
        pools: include/pools.json.
    """
    parts = [
        "Nothing else of the desk runs by itself: schedules, retries and who waits for whom are here. Every task is "
        "retried by the class of its error: waiting helps, so it is retried; a person must act, so it fails at once.",
        table(
            ("DAG", "when", "runs"),
            [(f"[{name}](#{name})", _when(dags[name]), _runs(dags[name])) for name in sorted(dags)],
        ),
        "## Pools",
        table(("pool", "slots", "why"), [(code(n), str(p["slots"]), str(p["description"])) for n, p in pools.items()]),
    ]
    for name in sorted(dags):
        parts += list(_section(dags[name]))
    return page("DAGs", SOURCE, parts)


def _section(dag: Any) -> Iterator[str]:
    title, _, body = dag.doc_md.partition("\n")
    yield f"## {dag.dag_id}"
    yield f"**{title.lstrip('# ')}.** Runs {_when(dag)}."
    yield body.strip()
    yield table(("task", "does", "after", "starts when", "pool", "retries"), [_task(t) for t in dag.topological_sort()])
    if len(dag.params):
        yield "Parameters, in the UI or with `--conf`:"
        yield table(("parameter", "meaning", "default"), [_parameter(dag, name) for name in dag.params])
    yield f"{_runs(dag)}. {_limit(dag)}"


def _when(dag: Any) -> str:
    if not (summary := getattr(dag.timetable, "summary", None)) or summary == "None" or not dag.timetable.description:
        return "by hand only"
    return f"{dag.timetable.description} ({summary})" if dag.timetable.can_be_scheduled else dag.timetable.description


def _runs(dag: Any) -> str:
    allowed = dag.allowed_run_types
    kinds = ", ".join(sorted(kind.value.replace("_", " ") for kind in allowed)) if allowed else "all"
    return f"{sentence(kinds).rstrip('.')}; at most {dag.max_active_runs} at a time"


def _limit(dag: Any) -> str:
    return "No time limit." if dag.dagrun_timeout is None else f"A run may take {_time(dag.dagrun_timeout)}."


def _task(task: Any) -> tuple[str, ...]:
    after = ", ".join(code(name) for name in sorted(task.upstream_task_ids)) or "start"
    wait = f"{task.retries}, {_time(task.retry_delay)} apart"
    return code(task.task_id), task.doc_md, after, task.trigger_rule.value.replace("_", " "), code(task.pool), wait


def _parameter(dag: Any, name: str) -> tuple[str, ...]:
    param = dag.params.get_param(name)
    choices = param.schema.get("enum") or param.schema.get("items", {}).get("enum") or param.schema.get("examples")
    told = param.description or param.schema.get("title", "")
    return code(name), f"{told} One of {', '.join(map(str, choices))}." if choices else told, code(str(param.value))


def _time(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    size, word = next(((size, word) for size, word in _TIMES if seconds >= size and seconds % size == 0), (1, "second"))
    count = seconds // size
    return f"{count} {word}{'' if count == 1 else 's'}"
