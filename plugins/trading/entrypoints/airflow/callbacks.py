"""What happens beside a task: failures become messages, a broken invariant stops trading.

A callback never raises: a message that cannot be stored must not hide the failure that it is about.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from trading.domain.instruments import BookId, BookKind
from trading.domain.messages import MessageKind, Severity
from trading.entrypoints.airflow.context import facts_of, replay_conf, settings_here
from trading.errors import InvariantBroken
from trading.ports import Store
from trading.tasks.halting import halt
from trading.tasks.kill_switch import GATE_SECONDS

log = logging.getLogger(__name__)

REPLAY_DAG = "hourly_replay"
_LONGEST = 1500


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
            tx.controls.notify(
                dedupe_key=f"failure:{run.dag_id}:{incident}",
                book=book,
                kind=MessageKind.DAG_FAILURE,
                body=f"{book.badge} {book}: {text}",
            )
    except Exception:
        log.exception("the failure message could not be stored")


def failure_text(dag_id: str, run_id: str, task_id: str | None, error: BaseException | None, reason: str | None) -> str:
    """Return the sentence that people read about a failed run."""
    where = f"{dag_id}.{task_id}" if task_id else dag_id
    what = f"{type(error).__name__}: {error}" if error is not None else (reason or "see the task log")
    return f"{where} failed in {run_id}: {what}"[:_LONGEST]


def link_of(ui_url: str, dag_id: str, run_id: str) -> str:
    """Return the address of a run in the UI."""
    return f"{ui_url}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


@contextmanager
def halting(store: Store, book: BookId, *, actor: str) -> Iterator[None]:
    """Halt `book` before an `InvariantBroken` leaves the block. A replay has nothing to halt."""
    try:
        yield
    except InvariantBroken as broken:
        if book.kind is not BookKind.REPLAY:
            halt_and_tell(store, book, reason=str(broken), actor=actor)
        raise


def halt_and_tell(store: Store, book: BookId, *, reason: str, actor: str) -> None:
    """Halt `book` while no send is under way, and say so; a LOCKED or already HALTED book keeps its state."""
    with store.close_gate(book, wait_seconds=GATE_SECONDS), store.transaction() as tx:
        if not halt(tx, book, reason=reason[:_LONGEST], actor=actor):
            return
        tx.controls.notify(
            dedupe_key=f"halted:{actor}:{reason}"[:500],
            book=book,
            kind=MessageKind.STATE_CHANGE,
            severity=Severity.ERROR,
            body=f"{book.badge} {book}: trading is HALTED by {actor}: {reason}"[:_LONGEST],
        )


def _task_of(context: Mapping[str, Any]) -> str | None:
    instance = context.get("ti")
    return getattr(instance, "task_id", None)


def _store(settings: Any) -> Store:
    from trading.bootstrap import services_for

    return services_for(settings).store
