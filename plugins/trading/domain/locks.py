"""Locks: what keeps entries of a symbol, or of a whole book, out, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from trading.domain.instruments import Symbol
from trading.domain.orders import OrderRef

STOP_MEMORY = timedelta(days=180)
"""How long a stop is remembered; no lock that follows from stops looks further back."""


@dataclass(frozen=True, slots=True)
class StopOut:
    """A stop that sold a position.

    Attributes:
        on: day of its last fill.
    """

    symbol: Symbol
    on: date
    order_id: OrderRef


@dataclass(frozen=True, slots=True)
class Restriction:
    """A symbol that a person put on the restricted list.

    Attributes:
        since: day on which it was put there. until: last day on which it holds; None until further notice.
        reason: who did it and why.
    """

    symbol: Symbol
    since: date
    until: date | None
    reason: str

    def holds_on(self, on: date) -> bool:
        """Whether the symbol is not to be bought on that day."""
        return self.until is None or on <= self.until

    @property
    def text(self) -> str:
        """End, person and reason in one line."""
        return f"{'until further notice' if self.until is None else f'until {self.until}'}, {self.reason}"


@dataclass(frozen=True, slots=True)
class Lock:
    """Why no entry goes now. Ways out of a position are never locked.

    Attributes:
        code: the pre-trade check that denies because of it, e.g. "COOLDOWN".
        symbol: None for the whole book.
        since: first day; None where it is not known.
        until: last day on which it holds; None where a person or a cause outside ends it.
    """

    code: str
    symbol: Symbol | None
    since: date | None
    until: date | None
    reason: str
