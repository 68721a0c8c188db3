"""What a broker's statement says: the broker's own books, a day late, and final."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from trading.domain.instruments import Symbol
from trading.domain.orders import OrderRef, Side


class CashKind(StrEnum):
    """Why cash moved without a trade; the words are those of `desk.cash_entries`."""

    DEPOSIT = "deposit"
    DIVIDEND = "dividend"
    FEE = "fee"
    INTEREST = "interest"


@dataclass(frozen=True, slots=True)
class StatementTrade:
    """One execution as the broker booked it.

    Attributes:
        order_ref: the reference that the order carried; None if it carried none.
        perm_id: the broker's permanent id of the order; None where the statement does not say.
        commission_usd: commission and taxes, positive for a cost.
        is_cancelled: the broker took the execution back.
    """

    execution_id: str
    order_ref: OrderRef | None
    perm_id: int | None
    symbol: Symbol
    side: Side
    quantity: Decimal
    price: Decimal
    commission_usd: Decimal
    executed_at: datetime
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class CashItem:
    """Cash that moved without a trade.

    Attributes:
        item_id: the broker's id; an item is booked once per id.
        symbol: whose dividend it is; None for interest, fees and deposits.
        amount_usd: signed; negative leaves the account.
        happened_at: start of the New York day where the statement names a day only.
        text: the broker's words.
    """

    item_id: str
    kind: CashKind
    symbol: Symbol | None
    amount_usd: Decimal
    happened_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class StatementPosition:
    """Shares at the end of the period, with the broker's own idea of their cost [USD/share]."""

    quantity: Decimal
    average_cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Statement:
    """One account over one period, both days included.

    Attributes:
        actions: one sentence per corporate action in the broker's words.
    """

    account: str
    from_on: date
    to_on: date
    trades: tuple[StatementTrade, ...]
    cash_items: tuple[CashItem, ...]
    positions: Mapping[Symbol, StatementPosition]
    actions: tuple[str, ...] = ()
