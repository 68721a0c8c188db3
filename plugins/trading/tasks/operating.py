"""What an operator does to a book: halt, reduce, resume. Command, page and bot call these and show what they return."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trading.domain.instruments import BookId
from trading.domain.portfolio import TradingState
from trading.errors import PermanentError
from trading.ports import Services
from trading.strategy.spec import StrategySpec
from trading.tasks.kill_switch import DISCRETIONARY, ENTRIES, EVERYTHING, Change, Sweep, change_state, sweep
from trading.tasks.resuming import obstacles


@dataclass(frozen=True, slots=True)
class Stopped:
    """A book that was told to do less, and what the broker says about it."""

    change: Change
    sweep: Sweep

    @property
    def is_safe(self) -> bool:
        """Whether no send is under way and the broker confirmed that nothing works which must not."""
        return self.sweep.is_safe and self.change.sends_ended


@dataclass(frozen=True, slots=True)
class Resumed:
    """A book that may trade again.

    Attributes:
        halted_by: who halted it and why; None if it was not halted.
    """

    change: Change
    halted_by: str | None


def halt_book(services: Services, book: BookId, *, reason: str, actor: str) -> Stopped:
    """Send nothing new from now on, take back entries and exits, and look at every protection."""
    change = change_state(services.store, book, TradingState.HALTED, reason=reason, actor=actor)
    return Stopped(change, sweep(services.broker, book, DISCRETIONARY))


def reduce_book(services: Services, book: BookId, *, reason: str, actor: str) -> Stopped:
    """Allow exits only and take back entries.

    Raises:
        PermanentError: the book is stopped.
    """
    change = change_state(services.store, book, TradingState.REDUCE_ONLY, reason=reason, actor=actor)
    return Stopped(change, sweep(services.broker, book, ENTRIES))


def resume_book(
    services: Services,
    spec: StrategySpec,
    book: BookId,
    *,
    after: TradingState,
    reason: str,
    actor: str,
    halt_file: Path,
) -> Resumed:
    """Let a book trade again, once it equals the broker's.

    Raises:
        PermanentError: it does not, the file flag is raised, or the book is LOCKED.
    """
    refuse_unequal(services, spec, book, halt_file=halt_file)
    with services.store.transaction() as tx:
        before, why = tx.controls.trading_state(book), tx.controls.state_reason(book)
    change = change_state(services.store, book, after, reason=reason, actor=actor, leaving=TradingState.HALTED)
    return Resumed(change, why if before is TradingState.HALTED else None)


def refuse_unequal(services: Services, spec: StrategySpec, book: BookId, *, halt_file: Path) -> None:
    """Refuse unless a halted book equals the broker's; a book that is not halted passes."""
    if halt_file.exists():
        raise PermanentError(f"the file flag {halt_file} is raised; delete it, then try again")
    with services.store.transaction() as tx:
        state = tx.controls.trading_state(book)
    if state is not TradingState.HALTED:
        return
    if found := obstacles(services, spec, book):
        raise PermanentError(
            f"{book} stays HALTED, because its books do not equal the broker's:\n  "
            + "\n  ".join(found)
            + "\nsettle each (./airdesk reconcile list), then resume"
        )


def lock_book(services: Services, book: BookId, *, reason: str, actor: str) -> Stopped:
    """Cancel everything, protections too, and send nothing at all until a person unlocks."""
    change = change_state(services.store, book, TradingState.LOCKED, reason=reason, actor=actor)
    return Stopped(change, sweep(services.broker, book, EVERYTHING))


def unlock_book(services: Services, book: BookId, *, reason: str, actor: str) -> Change:
    """Turn a locked book into a halted one.

    Raises:
        PermanentError: it is not LOCKED.
    """
    with services.store.transaction() as tx:
        if tx.controls.trading_state(book) is not TradingState.LOCKED:
            raise PermanentError(f"{book} is not LOCKED, so there is nothing to unlock; see ./airdesk state")
    return change_state(
        services.store, book, TradingState.HALTED, reason=reason, actor=actor, leaving=TradingState.LOCKED
    )
