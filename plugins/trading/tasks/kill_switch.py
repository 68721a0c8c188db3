"""The kill switch: change the state, take back at the broker what must go, and prove what is left.

It needs neither Airflow nor the order writer: it cancels under a client id of its own, also while a writer hangs, and
knows an order's purpose by its reference alone, also while the database is away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from trading.domain.guards import Guard, guards_of
from trading.domain.instruments import BookId, Symbol
from trading.domain.money import ZERO
from trading.domain.orders import LEAVING, OPEN, PROTECTIVE, OrderPurpose, purpose_in
from trading.domain.portfolio import TradingState
from trading.errors import PermanentError, TransientError
from trading.ports import Broker, BrokerGate, BrokerOrder, BrokerRole, BrokerSnapshot, Store
from trading.tasks.halting import RESUME, UNLOCK, is_stopped
from trading.tasks.telling import tell_state

GATE_SECONDS = 10.0
"""How long a change of state waits for a send that is under way."""
POLLS = 20
POLL_SECONDS = 0.5

WAYS_OUT = {TradingState.HALTED: RESUME, TradingState.LOCKED: UNLOCK}
"""States in which nothing is sent, and the command that leads out of each."""
ENTRIES = frozenset({OrderPurpose.ENTRY})
DISCRETIONARY = ENTRIES | LEAVING
EVERYTHING = frozenset(OrderPurpose)


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep through the broker's book left behind.

    Attributes:
        cancelled: orders whose cancellation was asked for and that are gone.
        working: sentences about orders that must go and still work.
        guards: protection of every symbol held or guarded; empty when the broker could not be asked.
        foreign: working orders that are not ours; nothing touches them.
        problem: why the broker could not be asked; None if it was.
    """

    cancelled: int = 0
    working: tuple[str, ...] = ()
    guards: tuple[Guard, ...] = ()
    foreign: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def is_safe(self) -> bool:
        """Whether the broker confirmed that nothing works which must not, and that each long is guarded."""
        return self.problem is None and not self.working and self.bare is None

    @property
    def bare(self) -> str | None:
        """Which positions are not protected as they should be, and what becomes of them; None where all are."""
        symbols = [guard.symbol for guard in self.guards if not guard.is_ok]
        if not symbols:
            return None
        return (
            f"not protected as it should be: {', '.join(symbols)}; the next hour places what is missing, "
            "unless the book is LOCKED; sooner, place it in TWS"
        )


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state that is committed.

    Attributes:
        sends_ended: False if a send was under way for longer than we waited.
    """

    before: TradingState
    after: TradingState
    sends_ended: bool

    def __str__(self) -> str:
        return str(self.after) if self.before is self.after else f"{self.before} → {self.after}"


def change_state(
    store: Store, book: BookId, state: TradingState, *, reason: str, actor: str, leaving: TradingState | None = None
) -> Change:
    """Commit a state while no send is under way, or after waiting long enough for a sender that hangs.

    Args:
        leaving: HALTED or LOCKED, where the caller has proven that it may be left. A halt never opens a lock.

    Raises:
        PermanentError: the book is stopped and `state` would let it trade.
    """
    with store.close_gate(book, wait_seconds=GATE_SECONDS) as ended, store.transaction() as tx:
        before = tx.controls.trading_state(book, for_change=True)
        why = tx.controls.state_reason(book)
        if before in WAYS_OUT and before is not leaving:
            if state is TradingState.HALTED and is_stopped(tx, book):
                return Change(before, before, ended)
            if state not in WAYS_OUT:
                raise PermanentError(
                    f"{book} is {before} ({why or 'the file flag is raised, or no reason is stored'}) and only "
                    f"{WAYS_OUT[before]} leads out; settle the cause first"
                )
        tx.controls.set_state(book, state, reason=reason, actor=actor)
        tell_state(tx, book, before, state, reason=reason, actor=actor)
        detail = {"book": str(book), "from": str(before), "to": str(state), "reason": reason}
        tx.controls.audit(actor=actor, action="trading_state", detail=detail)
    return Change(before, state, ended)


def sweep(
    gate: BrokerGate | None,
    book: BookId,
    purposes: Collection[OrderPurpose],
    *,
    only: Symbol | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Sweep:
    """Cancel our orders of these purposes and look until the broker shows none of them.

    Args:
        only: a symbol beside which every other one is left alone.
    """
    if gate is None:
        return Sweep(problem="no broker is configured; set AIRDESK_BROKER_PORT and look at TWS meanwhile")
    try:
        with gate.connect(BrokerRole.OPERATOR) as broker:
            return _sweep(broker, book, purposes, only, pause)
    except (TransientError, PermanentError) as unreachable:
        return Sweep(problem=str(unreachable))


def guards_in(snapshot: BrokerSnapshot) -> tuple[Guard, ...]:
    """Return the protection that the broker works, symbol by symbol."""
    ours = ((o, purpose_in(o.order_ref)) for o in snapshot.orders if o.status in OPEN)
    return guards_of(
        snapshot.positions,
        ((o.symbol, purpose, o.quantity - o.filled_quantity) for o, purpose in ours if purpose is not None),
    )


def _sweep(
    broker: Broker,
    book: BookId,
    purposes: Collection[OrderPurpose],
    only: Symbol | None,
    pause: Callable[[float], None],
) -> Sweep:
    asked: set[int] = set()
    before, snapshot = broker.snapshot(book), broker.snapshot(book)
    for poll in range(POLLS):
        if not (going := _must_go(snapshot, purposes, before, only)):
            break
        fresh = [o for o in going if o.perm_id not in asked]
        broker.cancel([o.api_order_id for o in fresh if o.api_order_id is not None])
        asked |= {o.perm_id for o in fresh}
        if poll:
            pause(POLL_SECONDS)
        before, snapshot = snapshot, broker.snapshot(book)
    left = _must_go(snapshot, purposes, before, only)
    return Sweep(
        cancelled=len(asked - {o.perm_id for o in left}),
        working=tuple(map(_sentence, left)),
        guards=guards_in(snapshot),
        foreign=tuple(_sentence(o) for o in snapshot.orders if o.status in OPEN and purpose_in(o.order_ref) is None),
    )


def _must_go(
    snapshot: BrokerSnapshot, purposes: Collection[OrderPurpose], before: BrokerSnapshot, only: Symbol | None
) -> list[BrokerOrder]:
    """Return working orders of these purposes, and protection that guards nothing and would sell short.

    The children of an entry that still works wait for its end: it may be filling at this moment. A position may show
    later than the execution that made it, so that protection goes only if two looks show nothing to guard.
    """
    working = [(o, purpose) for o in snapshot.orders if o.status in OPEN and (purpose := purpose_in(o.order_ref))]
    busy = {o.symbol for o, purpose in working if purpose not in PROTECTIVE}

    def is_held(symbol: Symbol) -> bool:
        return any(look.positions.get(symbol, ZERO) > 0 for look in (before, snapshot))

    return [
        o
        for o, purpose in working
        if only in (None, o.symbol)
        and (purpose in purposes or (purpose in PROTECTIVE and o.symbol not in busy and not is_held(o.symbol)))
    ]


def _sentence(order: BrokerOrder) -> str:
    left = (order.quantity - order.filled_quantity).normalize()
    name = purpose_in(order.order_ref) or "foreign order"
    return f"{order.symbol}: {name} {order.side} {left:f}, order {order.perm_id} of client {order.client_id}"
