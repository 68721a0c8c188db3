"""The one way in which the desk itself stops a book. Only an operator starts it again."""

from __future__ import annotations

from trading.domain.instruments import BookId
from trading.domain.portfolio import TradingState
from trading.ports import Transaction

RESUME = '`./airdesk resume --reason "…"`'
"""How an operator lets a halted book trade again, as messages name it."""
UNLOCK = '`./airdesk unlock --reason "…"`'
"""How an operator turns a locked book into a halted one."""
_STOPPED = frozenset({TradingState.HALTED, TradingState.LOCKED})


def halt(tx: Transaction, book: BookId, *, reason: str, actor: str) -> bool:
    """Set a book to HALTED unless it is stopped already; returns whether it was trading until now."""
    if tx.controls.trading_state(book) in _STOPPED:
        return False
    tx.controls.set_state(book, TradingState.HALTED, reason=reason, actor=actor)
    return True
