"""The book as a session leaves it, kept for the replay of the next one."""

from __future__ import annotations

from trading.domain.decisions import DecisionKind
from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.ports import Services, Transaction
from trading.tasks.facts import cutoff_of, state_with_cash


def keep_state(services: Services, tx: Transaction, book: BookId, slot: Slot, *, is_final: bool = True) -> bool:
    """Keep the book after its closing hour; False if `slot` is none, or is not the newest that the book decided.

    Args:
        is_final: replace what an earlier attempt at this hour kept; else keep only what nobody kept yet.
    """
    newest = tx.decisions.newest(book, DecisionKind.HOURLY)
    if not slot.is_closing or newest is None or newest.as_of != slot.as_of:
        return False
    if not is_final and tx.parity.has_state(book, slot.session_on):
        return False
    state = state_with_cash(services, tx, book, slot)
    tx.parity.keep_state(book, slot.session_on, cutoff_of(services, slot), state)
    return True
