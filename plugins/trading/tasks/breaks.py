"""What a comparison stops: every difference is filed, and then the book is halted, a symbol held, people told."""

from __future__ import annotations

from collections.abc import Iterable

from trading.accounting.reconciliation_kinds import FOREIGN, DifferenceKind, Effect, holding
from trading.domain.instruments import BookId, Symbol
from trading.domain.messages import MessageKind, Severity
from trading.ports import Break, Filed, Proof, ReconciliationKind, Transaction
from trading.reporting.wording import counted
from trading.tasks.halting import RESUME, halt

ACTOR = "reconciliation"
_SHOWN = 5


def file_proof(tx: Transaction, proof: Proof) -> tuple[str, ...]:
    """Store `proof` and do what its differences demand; returns one sentence per difference.

    A difference of effect HALT halts the book, HOLD keeps entries of its symbol back, and all of them are told once,
    at night once more while they are open. A symbol whose foreign activity is gone or adopted is released.
    """
    book = proof.book
    filed = tx.reconciliations.file(proof)
    seen = (*filed.opened, *filed.repeated)
    for symbol in holding(b.difference for b in seen):
        tx.controls.hold(book, symbol, is_held=True, reason=_first(seen, symbol), actor=ACTOR)
    release_holds(tx, book)
    reason = _halting(filed)
    halted = reason is not None and halt(tx, book, reason=reason, actor=ACTOR)
    _tell(tx, proof, filed, halted=halted)
    return tuple(sentence(b) for b in seen)


def release_holds(tx: Transaction, book: BookId) -> None:
    """Release each symbol that only foreign activity held, once none of it is open any more."""
    waiting = {b.difference.symbol for b in tx.reconciliations.breaks(book) if b.difference.kind in FOREIGN}
    for symbol, reason in tx.controls.holds(book).items():
        if reason.startswith(f"{ACTOR}: ") and symbol not in waiting:
            tx.controls.hold(book, symbol, is_held=False, reason="no foreign activity is open", actor=ACTOR)


def sentence(found: Break) -> str:
    """Return what people read about a break, with the command that shows it."""
    return f"{found.difference}; look at it with `./airdesk reconcile show {found.break_id}`"


def _halting(filed: Filed) -> str | None:
    """Return why the book is halted, or None: an incomplete answer counts once it is the second one."""
    for found in (*filed.opened, *filed.repeated):
        if found.difference.kind.effect is Effect.HALT:
            return sentence(found)
    for found in filed.repeated:
        if found.difference.kind is DifferenceKind.INCOMPLETE:
            return f"the broker's answer was incomplete twice; {sentence(found)}"
    return None


def _first(seen: Iterable[Break], symbol: Symbol) -> str:
    return next(sentence(b) for b in seen if b.difference.symbol == symbol)


def _tell(tx: Transaction, proof: Proof, filed: Filed, *, halted: bool) -> None:
    """Put one message about what is new into the outbox; at night about everything that is open, once a session."""
    book, is_nightly = proof.book, proof.kind is ReconciliationKind.NIGHTLY
    told = (*filed.opened, *filed.repeated) if is_nightly or halted else filed.opened
    if not told:
        return
    numbers = ",".join(str(b.break_id) for b in told)
    night = f"{proof.session_on}:" if is_nightly else ""
    lines = [
        f"{book.badge} {book}: {counted(len(told), 'difference')} between book and broker",
        *(sentence(b) for b in told[:_SHOWN]),
    ]
    if halted:
        lines.append(f"trading is HALTED; look at the breaks, then {RESUME}")
    tx.controls.notify(
        dedupe_key=f"breaks:{book}:{night}{'halted:' if halted else ''}{numbers}"[:500],
        book=book,
        # A halt is never switched off and never waits, whatever people set about differences.
        kind=MessageKind.STATE_CHANGE if halted else MessageKind.BREAK_FOUND,
        severity=Severity.ERROR,
        body="\n".join(lines),
    )
