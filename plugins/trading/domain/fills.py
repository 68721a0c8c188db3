"""Executions and the tax lots they open and close."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from trading.domain.instruments import BookId, Symbol
from trading.domain.orders import OrderRef, Side
from trading.domain.records import quick


@quick
@dataclass(frozen=True, slots=True)
class Fill:
    """One execution.

    Attributes:
        fill_id: the broker's execution id; a fill is booked once per id.
        order_id: our leg; None for an execution that carries no reference of ours.
        quantity: shares, positive. price: USD/share.
        commission_usd: None until the broker reports it.
    """

    fill_id: str
    order_id: OrderRef | None
    book: BookId
    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal
    commission_usd: Decimal | None
    executed_at: datetime


class Revision(NamedTuple):
    """An execution id as the broker counts it: the same `base` for every correction, the highest `number` stands."""

    base: str
    number: int


def revision_of(fill_id: str) -> Revision:
    """Return which version of which execution an id names, e.g. version 2 in "0000e0d5.6553a1b2.01.02".

    Digits after the last of several dots number the versions; any other id is a version of its own.
    """
    base, _, number = fill_id.rpartition(".")
    return Revision(base, int(number)) if "." in base and number.isdecimal() else Revision(fill_id, 0)


def newest_revisions(fills: Iterable[Fill]) -> tuple[Fill, ...]:
    """Return the executions that stand, each base id once, in the order given."""
    newest: dict[str, Fill] = {}
    for fill in fills:
        base, number = revision_of(fill.fill_id)
        if base not in newest or number > revision_of(newest[base].fill_id).number:
            newest[base] = fill
    return tuple(newest.values())


class Term(StrEnum):
    """Holding period of a disposal: long is more than one year (26 U.S.C. § 1222)."""

    SHORT = "short"
    LONG = "long"


class LotMethod(StrEnum):
    """Which lots of a symbol a sale closes, unless a person names them."""

    FIFO = "fifo"
    HIFO = "hifo"


@quick
@dataclass(frozen=True, slots=True)
class Lot:
    """Shares bought together and still held.

    Attributes:
        cost_per_share: USD/share, commission included.
        wash_adjustment_usd: disallowed losses of earlier sales that this lot carries.
        holding_starts_on: equals `acquired_on` unless a wash sale tacked an older period on.
    """

    lot_id: str
    book: BookId
    symbol: Symbol
    quantity: Decimal
    cost_per_share: Decimal
    wash_adjustment_usd: Decimal
    acquired_on: date
    holding_starts_on: date
    fill_id: str


@quick
@dataclass(frozen=True, slots=True)
class Disposal:
    """Shares of one lot that one fill sold.

    Attributes:
        proceeds_usd: after commission. basis_usd: cost of the shares sold.
        disallowed_loss_usd: wash-sale part of a loss, positive.
    """

    disposal_id: str
    lot_id: str
    fill_id: str
    book: BookId
    symbol: Symbol
    quantity: Decimal
    proceeds_usd: Decimal
    basis_usd: Decimal
    disallowed_loss_usd: Decimal
    acquired_on: date
    disposed_on: date
    term: Term

    @property
    def gain_usd(self) -> Decimal:
        """Proceeds less basis; negative for a loss."""
        return self.proceeds_usd - self.basis_usd


@dataclass(frozen=True, slots=True)
class WashOutlook:
    """What selling shares now would do about wash sales.

    Attributes:
        loss_usd: of the lots that would go at a loss, positive; 0 without one.
        wash_quantity: shares sold at a loss that shares bought in the last 30 days, and kept, would replace.
        disallowed_usd: the loss of those shares, which would not count.
        clean_on: from then on nothing held would replace them; None where nothing does now.
    """

    loss_usd: Decimal
    wash_quantity: Decimal
    disallowed_usd: Decimal
    clean_on: date | None


@quick
@dataclass(frozen=True, slots=True)
class Booking:
    """What one fill did to the lots of its symbol.

    Attributes:
        lots: every lot of the symbol that is open afterwards.
        disposals: what the fill closed; empty for a buy.
        cash_usd: change of cash, commission included; negative for a buy.
    """

    fill: Fill
    lots: tuple[Lot, ...]
    disposals: tuple[Disposal, ...]
    cash_usd: Decimal
