"""The one way in which the desk itself stops a book. Only an operator starts it again."""

from __future__ import annotations

from trading.domain.instruments import BookId
from trading.domain.portfolio import TradingState
from trading.ports import Transaction

RESUME = '`./airdesk resume --reason "…"`'
"""How an operator lets a halted book trade again, as messages name it."""
UNLOCK = '`./airdesk unlock --reason "…"`'
"""How an operator turns a locked book into a halted one."""
BREAKER = "drawdown_breaker"
"""The drawdown breaker, as an actor."""
_ORDER = (TradingState.ACTIVE, TradingState.REDUCE_ONLY, TradingState.HALTED, TradingState.LOCKED)
_STOPPED = frozenset({TradingState.HALTED, TradingState.LOCKED})


def halt(tx: Transaction, book: BookId, *, reason: str, actor: str) -> bool:
    """Set a book to HALTED unless it is stopped already; returns whether it was trading until now."""
    tx.controls.trading_state(book, for_change=True)
    if is_stopped(tx, book):
        return False
    tx.controls.set_state(book, TradingState.HALTED, reason=reason, actor=actor)
    return True


def is_stopped(tx: Transaction, book: BookId) -> bool:
    """Return whether a stored event stopped the book; the file flag stores none, and a halt must outlive it."""
    event = tx.controls.state_event(book)
    return event is not None and event.state in _STOPPED


def follow_breaker(tx: Transaction, book: BookId, state: TradingState, *, reason: str) -> None:
    """Let the drawdown breaker tighten a state, and lift only the one that it set itself.

    The state is read again here, held against a change: an operator may have halted the book during the decision.
    """
    now = tx.controls.trading_state(book, for_change=True)
    is_tighter = _ORDER.index(state) > _ORDER.index(now)
    is_own = now is TradingState.REDUCE_ONLY and set_by_breaker(tx, book)
    if is_tighter or (is_own and state is TradingState.ACTIVE):
        tx.controls.set_state(book, state, reason=reason, actor=BREAKER)


def set_by_breaker(tx: Transaction, book: BookId) -> bool:
    """Return whether the breaker brought the book into its state; True for a book that nobody touched."""
    event = tx.controls.state_event(book)
    return event is None or event.actor == BREAKER
