"""What a failure of a task means: whether it is tried again, what people are told, and when trading stops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from trading.domain.instruments import BookId, BookKind
from trading.domain.messages import MessageKind, Severity
from trading.errors import InvariantBroken, PermanentError, RateLimited, TransientError
from trading.ports import Store, Transaction
from trading.tasks.halting import halt
from trading.tasks.kill_switch import GATE_SECONDS

MAX_WAIT = timedelta(minutes=10)
"""A vendor that asks for more is asked again in the next hour; a run must end before its next slot."""
_LONGEST = 1500


@dataclass(frozen=True, slots=True)
class Again:
    """Whether a failed task is worth another try.

    Attributes:
        wait: None for the task's usual pause.
    """

    is_worth: bool
    reason: str
    wait: timedelta | None = None


def again(error: BaseException) -> Again | None:
    """Return what the class of an error says; None for one that is not ours, which keeps its ordinary retries."""
    if isinstance(error, RateLimited):
        wait = timedelta(seconds=error.retry_after_seconds)
        if wait > MAX_WAIT:
            return Again(False, f"the vendor asks for {wait}, longer than a run may wait")
        return Again(True, "the vendor named the wait", wait)
    if isinstance(error, TransientError):
        return Again(True, "waiting helps")
    if isinstance(error, PermanentError):
        return Again(False, "a person must change something first")
    if isinstance(error, InvariantBroken):
        return Again(False, "the books or the code are wrong")
    return None


def failure_text(dag_id: str, run_id: str, task_id: str | None, error: BaseException | None, reason: str | None) -> str:
    """Return the sentence that people read about a failed run."""
    where = f"{dag_id}.{task_id}" if task_id else dag_id
    what = f"{type(error).__name__}: {error}" if error is not None else (reason or "see the task log")
    return f"{where} failed in {run_id}: {what}"[:_LONGEST]


def tell_failure(tx: Transaction, book: BookId, dag_id: str, incident: str, text: str) -> None:
    """Put one message about a failed run into the outbox; whoever tells the same incident shares its key."""
    tx.controls.notify(
        dedupe_key=f"failure:{dag_id}:{incident}",
        book=book,
        kind=MessageKind.DAG_FAILURE,
        body=f"{book.badge} {book}: {text}",
    )


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
