"""What can disagree between book and broker, and what each disagreement stops."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trading.domain.fills import Fill
from trading.domain.instruments import Symbol
from trading.domain.money import ZERO


class Effect(StrEnum):
    """What an unresolved difference stops, the strongest first."""

    HALT = "halt"
    WAIT = "wait"
    HOLD = "hold"
    TELL = "tell"

    @property
    def stops(self) -> str:
        """What it stops, in words."""
        return _STOPS[self]


_STOPS = {Effect.HALT: "the book", Effect.WAIT: "entries", Effect.HOLD: "its symbol", Effect.TELL: "nothing"}


class DifferenceKind(StrEnum):
    """What disagrees."""

    POSITION = "position"
    CASH = "cash"
    MISSING_FILL = "missing_fill"
    FILL_TERMS = "fill_terms"
    DUPLICATE_ORDER = "duplicate_order"
    UNKNOWN_ORDER = "unknown_order"
    INCOMPLETE = "incomplete"
    UNBOOKED_FILL = "unbooked_fill"
    LOST_ORDER = "lost_order"
    PROTECTION = "protection"
    FOREIGN_ORDER = "foreign_order"
    FOREIGN_FILL = "foreign_fill"
    COMMISSION_PENDING = "commission_pending"
    COMMISSION_TERMS = "commission_terms"

    @property
    def effect(self) -> Effect:
        """What it stops: the book (HALT), entries (WAIT), entries of one symbol (HOLD) or nothing (TELL)."""
        return _EFFECTS[self]


_EFFECTS = {
    DifferenceKind.POSITION: Effect.HALT,
    DifferenceKind.CASH: Effect.HALT,
    DifferenceKind.MISSING_FILL: Effect.HALT,
    DifferenceKind.FILL_TERMS: Effect.HALT,
    DifferenceKind.DUPLICATE_ORDER: Effect.HALT,
    DifferenceKind.UNKNOWN_ORDER: Effect.HALT,
    # Seen once it may be a restarting gateway; seen again it halts, which `tasks.reconcile` decides.
    DifferenceKind.INCOMPLETE: Effect.WAIT,
    DifferenceKind.UNBOOKED_FILL: Effect.WAIT,
    DifferenceKind.LOST_ORDER: Effect.WAIT,
    # A halted desk could not place the missing stop.
    DifferenceKind.PROTECTION: Effect.WAIT,
    DifferenceKind.FOREIGN_ORDER: Effect.HOLD,
    DifferenceKind.FOREIGN_FILL: Effect.HOLD,
    DifferenceKind.COMMISSION_PENDING: Effect.TELL,
    DifferenceKind.COMMISSION_TERMS: Effect.TELL,
}

GATING = frozenset(kind for kind in DifferenceKind if kind.effect in {Effect.HALT, Effect.WAIT})
"""Kinds that keep every entry of the book waiting while one is open."""
FOREIGN = frozenset({DifferenceKind.FOREIGN_ORDER, DifferenceKind.FOREIGN_FILL})
"""Kinds of activity that carries no reference of ours."""

AT_A_LOOK = frozenset(
    {
        DifferenceKind.POSITION,
        DifferenceKind.MISSING_FILL,
        DifferenceKind.DUPLICATE_ORDER,
        DifferenceKind.UNKNOWN_ORDER,
        DifferenceKind.INCOMPLETE,
        DifferenceKind.UNBOOKED_FILL,
        DifferenceKind.FOREIGN_ORDER,
    }
)
"""What each look compares completely, also one between two orders of a family.

An execution is foreign for good: the broker forgets it at midnight, the books must not.
"""
HOURLY = AT_A_LOOK | {DifferenceKind.LOST_ORDER, DifferenceKind.PROTECTION}
"""What the start of each hourly run compares."""
FULL = HOURLY | {DifferenceKind.CASH, DifferenceKind.COMMISSION_PENDING}
"""What the nightly comparison and an operator's compare."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement between book and broker.

    Attributes:
        symbol: None for cash and for an answer that did not come.
        ours, theirs: what each side says, for people.
        reference: what tells two differences of one kind and symbol apart: an execution id, a permanent id or an
            order of ours; empty where there can be only one.
        quantity: shares that the broker has more than the book, signed; 0 where shares do not differ.
        cash_usd: dollars that the broker has more than the book, signed; 0 where cash does not differ.
        fill: the execution that only the broker has; None where the difference is about something else.
    """

    kind: DifferenceKind
    symbol: Symbol | None
    ours: str
    theirs: str
    reference: str = ""
    quantity: Decimal = ZERO
    cash_usd: Decimal = ZERO
    fill: Fill | None = None

    @property
    def key(self) -> str:
        """The name under which the same difference is known again at the next look."""
        return f"{self.kind}:{self.symbol or ''}:{self.reference}"

    def __str__(self) -> str:
        subject = f"{self.kind} {self.symbol}" if self.symbol else str(self.kind)
        return f"{subject}: ours {self.ours}, broker {self.theirs}"


def holding(found: Iterable[Difference]) -> tuple[Symbol, ...]:
    """Return the symbols that get no entry because of what was found, each once."""
    return tuple(dict.fromkeys(d.symbol for d in found if d.symbol is not None and d.kind.effect is Effect.HOLD))
