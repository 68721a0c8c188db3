"""Rows of pre-trade checks: what was denied, and what the checks count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from trading.domain.instruments import BookId, Symbol
from trading.domain.locks import StopOut
from trading.domain.orders import OrderRef
from trading.execution.checks import Denial


class Stage(StrEnum):
    """When an order was judged."""

    DECISION = "decision"
    SEND = "send"


@dataclass(frozen=True, slots=True)
class StoredDenial:
    """A denial as it is kept beside its order."""

    order_id: OrderRef
    stage: Stage
    denial: Denial
    happened_at: datetime


class CheckRows(Protocol):
    """desk.denials, and sums over orders, fills and NAV that only the checks need."""

    def add_denials(self, order_id: OrderRef, denials: Sequence[Denial], *, stage: Stage, at: datetime) -> None:
        """Store everything that stands against an order; what is stored already stays as it was."""
        ...

    def denials(self, order_ids: Sequence[OrderRef]) -> tuple[StoredDenial, ...]:
        """Return what stands against these orders, in the order in which it was stored."""
        ...

    def sent_since(self, book: BookId, at: datetime) -> int:
        """Return how many orders, protections left out, got their ids at or after `at`."""
        ...

    def rejected(self, book: BookId, session_on: date) -> dict[Symbol, str]:
        """Return the symbols whose entry the broker refused in that session, with its words."""
        ...

    def traded_usd(self, book: BookId, on: date) -> float:
        """Return what was bought and sold on that day [USD]."""
        ...

    def closing_nav(self, book: BookId, before_on: date) -> float | None:
        """Return the last known NAV of a session before `before_on`, or None."""
        ...

    def stops(self, book: BookId, since_on: date) -> tuple[StopOut, ...]:
        """Return the stops that sold a position on or after that day, oldest first."""
        ...
