"""Every lock of a book: what follows from its stops, losses and orders, and what people and comparisons set."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from trading.domain.instruments import BookId, BookKind, Symbol
from trading.domain.locks import Lock
from trading.domain.market import Slot
from trading.domain.messages import MessageKind
from trading.domain.portfolio import TradingState
from trading.engine.desk_view import limits_of
from trading.engine.locks import locks_of
from trading.engine.state import BookState
from trading.errors import PermanentError
from trading.ports import MarketCalendar, Services, Transaction
from trading.strategy.spec import StrategySpec
from trading.tasks.facts import load_state
from trading.tasks.glance import UNOPENED
from trading.tasks.telling import tell

_TOLD_ELSEWHERE = frozenset({"STATE", "RECON_STALE", "NO_KID", "REJECTED_TODAY"})
"""A client's category is no news, and the others have messages of their own."""


def locks_now(services: Services, spec: StrategySpec, book: BookId) -> tuple[Lock, ...]:
    """Return what keeps entries out on the day of the newest session hour, the whole book's locks first."""
    slot = services.calendar.latest_slot(services.clock.now())
    with services.store.snapshot() as tx:
        return _locks_at(services, spec, tx, book, slot)


def tell_locks(services: Services, spec: StrategySpec, tx: Transaction, book: BookId, slot: Slot) -> None:
    """Tell each lock that a book got, once; states, breaks and refusals are told where they happen."""
    for lock in _locks_at(services, spec, tx, book, slot):
        if lock.code not in _TOLD_ELSEWHERE:
            kind = MessageKind.WASH_BLOCK if lock.code == "WASH_BLOCK" else MessageKind.LOCK
            until = f", until {lock.until}" if lock.until else ""
            text = f"{lock.symbol or 'nothing is bought'}: {lock.code}{until}: {lock.reason}"
            tell(tx, book, kind, f"lock:{book}:{lock.code}:{lock.symbol}:{lock.since}", text)


def _locks_at(services: Services, spec: StrategySpec, tx: Transaction, book: BookId, slot: Slot) -> tuple[Lock, ...]:
    state = load_state(tx, book, slot, client_category=services.client_category, taxpayer=services.taxpayer)
    found = [
        *_of_the_state(tx, book, state),
        *_of_the_breaker(services.calendar, spec, state),
        *_of_the_books(tx, book, slot),
        *_of_the_client(services, spec),
        *locks_of(state, spec.protection, limits_of(spec), slot.session_on),
    ]
    refused, today = tx.checks.rejected(book, slot.session_on), slot.session_on
    found += (Lock("REJECTED_TODAY", s, today, today, f"the broker: {why}") for s, why in refused.items())
    return tuple(sorted(found, key=lambda lock: (lock.symbol is not None, lock.symbol or "")))


def check_restriction(
    services: Services, spec: StrategySpec, symbol: Symbol, *, book: BookId, until: date | None
) -> None:
    """Refuse a restriction that could not have been meant.

    Raises:
        PermanentError: the book is a replay, the symbol is none of the strategy, or the day has passed.
    """
    if book.kind is BookKind.REPLAY:
        raise PermanentError(f"{book} is a replay, which knows no acts of people; name a paper, live or demo book")
    if symbol not in spec.universe.traded:
        raise PermanentError(f"{spec.name} does not trade {symbol}; it trades {', '.join(spec.universe.traded)}")
    today = services.clock.now().date()
    if until is not None and until < today:
        raise PermanentError(f"--until {until} has passed; name {today} or a later day")


def _of_the_state(tx: Transaction, book: BookId, state: BookState) -> Iterator[Lock]:
    if state.trading_state is TradingState.ACTIVE:
        return
    event = tx.controls.state_event(book)
    if event is None or event.state is not state.trading_state:
        is_new = event is None and book not in tx.ledger.books()
        why = UNOPENED if is_new else f"{state.trading_state}: the file flag is raised, or no reason is stored"
        yield Lock("STATE", None, None, None, why)
    else:
        yield Lock(
            "STATE", None, event.happened_at.date(), None, f"{state.trading_state} by {event.actor}: {event.reason}"
        )


def _of_the_breaker(calendar: MarketCalendar, spec: StrategySpec, state: BookState) -> Iterator[Lock]:
    """Yield the breaker's lock; it holds at least until the day before the earliest way back."""
    tripped_on, rules = state.breaker.tripped_on, spec.protection
    if tripped_on is None:
        return
    back_on = tripped_on
    for _ in range(rules.reentry_sessions):
        back_on = calendar.next_session(back_on).session_on
    why = f"drawdown over {rules.breaker_frac:.0%}; back on {back_on} at the earliest, with a VIX under "
    yield Lock("DD_BREAKER", None, tripped_on, back_on - timedelta(days=1), f"{why}{rules.reentry_vix:g}")


def _of_the_client(services: Services, spec: StrategySpec) -> Iterator[Lock]:
    category = services.client_category
    for symbol in sorted(spec.universe.signal_only(category)):
        yield Lock("NO_KID", symbol, None, None, f"signal only: no key information document for a {category} client")


def _of_the_books(tx: Transaction, book: BookId, slot: Slot) -> Iterator[Lock]:
    """Yield the lock that an open difference to the broker is."""
    if (difference := tx.reconciliations.gate(book)) is not None:
        yield Lock("RECON_STALE", None, None, None, difference)
