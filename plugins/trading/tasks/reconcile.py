"""The proof that the book equals the broker's: positions, cash, executions, commissions, orders, protections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from trading.accounting.reconciliation_kinds import FULL, Difference, Effect
from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.domain.messages import MessageKind
from trading.errors import PermanentError
from trading.ports import Broker, BrokerRole, BrokerSnapshot, Proof, ReconciliationKind, Services, Transaction
from trading.reporting.wording import first_hour
from trading.strategy.spec import StrategySpec
from trading.tasks.adopt import Adoption, take_over
from trading.tasks.breaks import file_proof, sentence
from trading.tasks.corporate import take_over_actions
from trading.tasks.findings import differences, snapshot_of
from trading.tasks.report import StepReport
from trading.tasks.sync import gate_of

LOOKS = 2
"""An execution may arrive between two questions of one snapshot: what halts must have been seen this often."""


def reconcile(
    services: Services,
    spec: StrategySpec,
    book: BookId,
    slot: Slot,
    *,
    kind: ReconciliationKind = ReconciliationKind.NIGHTLY,
) -> StepReport:
    """Compare the book with the broker now, store every difference, and halt on one that nothing explains.

    Nothing is sent meanwhile: the writer lock is held. An execution of ours that the book lacks is booked, and told.
    """
    gate = gate_of(services, book)
    with services.store.transaction() as tx:
        if book not in tx.ledger.books():
            raise PermanentError(f"{book} is not opened yet, so there is nothing to compare; {first_hour(book)}")
    with services.store.order_writer(book) as epoch, gate.connect(BrokerRole.RECONCILER) as broker:
        learned, notes, counts = _compare(services, book, slot, broker, kind, epoch)
    late = (f"{learned.fills} executions were not booked before",) if learned.fills else ()
    return StepReport("reconcile", counts | learned.counts(), (*notes, *late), degraded=bool(notes))


def _compare(
    services: Services, book: BookId, slot: Slot, broker: Broker, kind: ReconciliationKind, epoch: int
) -> tuple[Adoption, tuple[str, ...], dict[str, int]]:
    learned = Adoption()
    for look in range(1, LOOKS + 1):
        snapshot = snapshot_of(services, broker, book)
        with services.store.transaction() as tx:
            take_over_actions(tx, services.calendar, book, snapshot, cutoff_at=snapshot.taken_at)
            learned += (news := take_over(tx, book, snapshot, epoch=epoch))
            _tell_adopted(tx, book, snapshot, news)
            found = differences(tx, book, snapshot, FULL)
            if look == LOOKS or not any(d.kind.effect is Effect.HALT for d in found):
                notes = file_proof(tx, _proof(services, book, slot, snapshot, kind, found))
                older = _open_since_before(tx, book, found)
                break
    counts = {"positions": len(snapshot.positions), "differences": len(found), "older_breaks": len(older)}
    return learned, (*notes, *older), counts


def _open_since_before(tx: Transaction, book: BookId, found: Sequence[Difference]) -> tuple[str, ...]:
    """Return a sentence about each open break that no snapshot shows any more: a stranger's trade, a statement's."""
    seen = {d.key for d in found}
    return tuple(sentence(b) for b in tx.reconciliations.breaks(book) if b.difference.key not in seen)


def _proof(
    services: Services,
    book: BookId,
    slot: Slot,
    snapshot: BrokerSnapshot,
    kind: ReconciliationKind,
    found: tuple[Difference, ...],
) -> Proof:
    detail: dict[str, int | str] = {"account": snapshot.account, "positions": len(snapshot.positions)}
    counts = Counter(d.kind.value for d in found)
    return Proof(book, kind, slot.session_on, snapshot.taken_at, services.code_hash, FULL, found, detail | counts)


def _tell_adopted(tx: Transaction, book: BookId, snapshot: BrokerSnapshot, news: Adoption) -> None:
    """Alarm about executions that no earlier look booked: they were lost to us until now."""
    if not news.fills:
        return
    tx.controls.notify(
        dedupe_key=f"adopted:{book}:{snapshot.taken_at:%Y-%m-%dT%H:%M:%S}",
        book=book,
        kind=MessageKind.RECONCILIATION,
        body=f"{book.badge} {book}: {news.fills} executions that the book lacked were booked from the broker's list",
    )
