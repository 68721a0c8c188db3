"""What happens beside a task: failures become messages.

A callback never raises: a message that cannot be stored must not hide the failure that it is about.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from trading.entrypoints.airflow.context import facts_of, replay_conf, settings_here
from trading.ports import Store
from trading.tasks.failing import failure_text, tell_failure

log = logging.getLogger(__name__)

REPLAY_DAG = "hourly_replay"


def on_failure(context: Mapping[str, Any]) -> None:
    """Put one message about a failed run into the outbox; the task's callback and the run's own share its key."""
    try:
        run = facts_of(context)
        settings = settings_here()
        book = replay_conf(run.conf).book if run.dag_id == REPLAY_DAG else settings.book
        text = failure_text(run.dag_id, run.run_id, _task_of(context), context.get("exception"), context.get("reason"))
        if settings.ui_url:
            text += f"\n{link_of(settings.ui_url, run.dag_id, run.run_id)}"
        # A backfill whose market lacks a day fails session by session, and that is one piece of news.
        incident = str(book) if run.dag_id == REPLAY_DAG else run.run_id
        with _store(settings).transaction() as tx:
            tell_failure(tx, book, run.dag_id, incident, text)
    except Exception:
        log.exception("the failure message could not be stored")


def link_of(ui_url: str, dag_id: str, run_id: str) -> str:
    """Return the address of a run in the UI."""
    return f"{ui_url}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def _task_of(context: Mapping[str, Any]) -> str | None:
    instance = context.get("ti")
    return getattr(instance, "task_id", None)


def _store(settings: Any) -> Store:
    from trading.bootstrap import services_for

    return services_for(settings).store
