"""Rows of decisions, orders and intents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from trading.domain.decisions import Decision, DecisionKind
from trading.domain.instruments import BookId, Symbol
from trading.domain.orders import Order, OrderEvent, OrderRef
from trading.domain.signals import Reason, Targets


@dataclass(frozen=True, slots=True)
class RunName:
    """A run as Airflow names it."""

    dag_id: str
    run_id: str


class DecisionRows(Protocol):
    """desk.decisions, reasons, targets, decision_runs."""

    def find(self, book: BookId, kind: DecisionKind, as_of: datetime) -> Decision | None:
        """Return the stored decision, or None."""
        ...

    def newest(self, book: BookId, kind: DecisionKind) -> Decision | None:
        """Return the book's youngest decision of that kind, or None."""
        ...

    def get(self, decision_id: str) -> Decision | None:
        """Return the decision of that name, or None."""
        ...

    def newest_until(self, book: BookId, kind: DecisionKind, until: datetime) -> Decision | None:
        """Return the book's youngest decision of that kind with `as_of <= until`, or None."""
        ...

    def add(self, decision: Decision, reasons: Iterable[Reason], targets: Targets, orders: Sequence[Order]) -> bool:
        """Store a decision with everything it says; False (and no change) if it is already stored."""
        ...

    def reasons(self, decision_id: str, symbol: Symbol | None = None) -> tuple[Reason, ...]:
        """Return the verdicts of a decision, of one symbol or of all."""
        ...

    def reasons_since(self, book: BookId, kind: DecisionKind, since: datetime) -> tuple[Reason, ...]:
        """Return the verdicts of every decision of that kind with `as_of >= since`, hour by hour."""
        ...

    def targets(self, decision: Decision) -> Targets:
        """Return the target weights of a decision."""
        ...

    def instants(self, book: BookId, kind: DecisionKind) -> tuple[int, ...]:
        """Return when the book's decisions of that kind stand, ascending [seconds since 1970, UTC]."""
        ...

    def note_run(self, decision_id: str, run: RunName) -> None:
        """Remember which run made a decision; the first one stands."""
        ...

    def note_session_run(self, book: BookId, session_on: date, run: RunName) -> None:
        """Remember which run made the decisions of a session; the first one stands."""
        ...

    def run_of(self, decision_id: str) -> RunName | None:
        """Return the run that made a decision; None where none is known."""
        ...

    def of_run(self, run: RunName) -> Decision | None:
        """Return the youngest decision that a run made, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Intent:
    """The submission record of one leg: reserved and committed before anything is sent."""

    order_id: OrderRef
    client_id: int
    reserved_id: int
    perm_id: int | None
    state: str
    epoch: int


class OrderRows(Protocol):
    """desk.orders, order_events, intents."""

    def of_decision(self, decision_id: str) -> tuple[Order, ...]:
        """Return the orders of a decision, by leg."""
        ...

    def get(self, order_id: OrderRef) -> Order | None:
        """Return one order, or None."""
        ...

    def working(self, book: BookId) -> tuple[Order, ...]:
        """Return orders that are reserved, at the broker, or unknown."""
        ...

    def unsent(self, book: BookId) -> tuple[Order, ...]:
        """Return orders that are planned, or reserved without the broker's word on them, oldest first."""
        ...

    def newest_guards(self, book: BookId) -> tuple[Order, ...]:
        """Return the youngest stop and the youngest target of each symbol that were ever meant for the broker."""
        ...

    def recent(self, book: BookId, limit: int) -> tuple[Order, ...]:
        """Return the newest orders, youngest first."""
        ...

    def record(self, order: Order, event: OrderEvent) -> Order:
        """Apply `event` with `advance`, store both, and return the order; late news stores nothing."""
        ...

    def ratchet(self, order: Order, stop_price: Decimal) -> Order:
        """Store how high the broker has moved a trailing stop and return the order; it never moves down."""
        ...

    def resize(self, order: Order, quantity: Decimal, at: datetime) -> Order:
        """Store the quantity that the broker works a protection with, with an event, and return the order."""
        ...

    def intents(self, order_ids: Sequence[OrderRef]) -> dict[OrderRef, Intent]:
        """Return the intents that exist for these legs."""
        ...

    def reserve(self, order_ids: Sequence[OrderRef], *, client_id: int, first_id: int, epoch: int) -> list[Intent]:
        """Reserve consecutive ids from max(first_id, highest ever reserved + 1) for legs that have none."""
        ...

    def renew_ids(self, order_ids: Sequence[OrderRef], *, first_id: int, epoch: int) -> list[Intent]:
        """Give legs fresh ids above everything ever reserved: the broker has seen theirs and created nothing."""
        ...

    def settle_intent(self, order_id: OrderRef, *, state: str, perm_id: int | None, epoch: int) -> None:
        """Set an intent's state; raises `TransientError` if `epoch` is not the newest writer's."""
        ...
