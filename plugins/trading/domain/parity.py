"""What the comparison of a day with its replay ends in: rows that a person, a program and a table can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from trading.domain.instruments import BookId, Symbol
from trading.domain.orders import OrderPurpose, Side


class ParityOutcome(StrEnum):
    """How a day compares with its replay.

    NOTHING: the book decided nothing that day. UNKNOWN: it cannot be replayed, and the summary says why.
    """

    EQUAL = "equal"
    DIFFERENT = "different"
    NOTHING = "nothing"
    UNKNOWN = "unknown"


class DifferenceKind(StrEnum):
    """What differs. Prices and commissions of a broker are measured, they are no difference."""

    HOUR_MISSING = "hour missing"
    INPUT = "input"
    VERDICT = "verdict"
    TARGET = "target"
    NOTE = "note"
    HASH = "decision hash"
    ORDER_MISSING = "order missing"
    ORDER_EXTRA = "order extra"
    ORDER_UNSENT = "order not sent"
    ORDER_QUANTITY = "order quantity"
    ORDER_LIMIT = "order limit"
    ORDER_TYPE = "order type"
    FILL_MISSED = "fill missed"
    FILL_EXTRA = "fill extra"
    FILL_QUANTITY = "fill quantity"


@dataclass(frozen=True, slots=True)
class ParityDifference:
    """One thing that the book and the replay do not have in common.

    Attributes:
        as_of: the decision; None for a fill of an order from before the day.
        what: the column, the rule, or the purpose of the order; book, replay: both values for people.
        cause: a sentence where the cause is known, else None.
    """

    kind: DifferenceKind
    as_of: datetime | None
    symbol: Symbol | None
    what: str
    book: str
    replay: str
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class ParityFill:
    """A fill of the book beside that of the replay; either may be missing.

    Attributes:
        decision_price: last price at the decision [USD/share]; None for protection, which no hour decides.
        price, replay_price: mean USD/share. commission_usd: None while the broker has not told it.
    """

    symbol: Symbol
    purpose: OrderPurpose
    side: Side
    decided_at: datetime | None
    decision_price: Decimal | None
    quantity: Decimal | None
    price: Decimal | None
    commission_usd: Decimal | None
    replay_quantity: Decimal | None
    replay_price: Decimal | None
    replay_commission_usd: Decimal | None

    @property
    def shortfall_usd(self) -> Decimal | None:
        """What the book paid more than the decision price, or got less [USD]; None without both."""
        return self._lost(self.price, self.decision_price)

    @property
    def shortfall_bps(self) -> float | None:
        """The same against the decision price [basis points]."""
        return _bps(self._sign, self.price, self.decision_price)

    @property
    def behind_replay_bps(self) -> float | None:
        """How much worse than the replay's fill the book's is [basis points]; None if either is missing."""
        return _bps(self._sign, self.price, self.replay_price)

    @property
    def _sign(self) -> int:
        return 1 if self.side is Side.BUY else -1

    def _lost(self, price: Decimal | None, than: Decimal | None) -> Decimal | None:
        if price is None or than is None or self.quantity is None:
            return None
        return self._sign * (price - than) * self.quantity


def _bps(sign: int, price: Decimal | None, than: Decimal | None) -> float | None:
    return None if price is None or not than else float(sign * (price / than - 1)) * 10_000


@dataclass(frozen=True, slots=True)
class Parity:
    """A day of a book beside its replay.

    Attributes:
        decisions, orders, fills: how many there are on either side; `*_equal`: how many are the same on both.
        shortfall_usd, shortfall_bps: the book's fills against their decision prices; None without one.
        nav_usd, replay_nav_usd: at the close; None where unknown.
        remarks: what the day was like, for people: other code, people's orders, states.
    """

    book: BookId
    session_on: date
    outcome: ParityOutcome
    summary: str
    decisions: int = 0
    decisions_equal: int = 0
    orders: int = 0
    orders_equal: int = 0
    fills: tuple[ParityFill, ...] = ()
    fills_equal: int = 0
    shortfall_usd: Decimal | None = None
    shortfall_bps: float | None = None
    nav_usd: float | None = None
    replay_nav_usd: float | None = None
    differences: tuple[ParityDifference, ...] = ()
    remarks: tuple[str, ...] = ()
    code_version: str = ""

    def by_kind(self) -> Mapping[DifferenceKind, int]:
        """Return how many differences there are of each kind."""
        return {kind: n for kind in DifferenceKind if (n := sum(d.kind is kind for d in self.differences))}
