"""What the tax ledger is made from, and what it says.

Amounts of events are as booked [USD]; in the ledger every amount is whole cents, rounded once for each execution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property

from trading.accounting.lots import term_of
from trading.domain.fills import LotMethod, Term
from trading.domain.instruments import BookId, Symbol
from trading.domain.money import sum_usd

WINDOW = timedelta(days=30)
"""Before and after a sale at a loss: 61 days with the day itself (Treas. Reg. § 1.1091-1(a))."""

IN_LIEU = "in-lieu."
"""How the sale of a broken share is named: no execution did it."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """Shares bought by one execution.

    Attributes:
        order_id: the order behind it; its executions of one day are one purchase (Rev. Rul. 56-602).
        cost_usd: commission included.
    """

    lot_id: str
    order_id: str
    book: BookId
    symbol: Symbol
    at: datetime
    quantity: Decimal
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class Sale:
    """Shares sold by one execution.

    Attributes:
        order_id: the order behind it; its executions of one day are one sale.
        proceeds_usd: after commission.
        method: which lots go. chosen: (lot id, shares) where they were named instead.
    """

    fill_id: str
    order_id: str
    book: BookId
    symbol: Symbol
    at: datetime
    quantity: Decimal
    proceeds_usd: Decimal
    method: LotMethod = LotMethod.FIFO
    chosen: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Split:
    """`ratio` new shares for each share that was bought, or sold at a loss, before `at`: basis and dates stay.

    The book holds whole shares afterwards.

    Attributes:
        in_lieu_usd: cash for the broken share that it left; None while unknown: its basis stays with the youngest lot.
    """

    book: BookId
    symbol: Symbol
    at: datetime
    ratio: Decimal
    in_lieu_usd: Decimal | None = None


type TaxEvent = Purchase | Sale | Split


@dataclass(frozen=True)
class TaxRules:
    """What is one taxpayer's choice or a grey area; see docs/tax.md.

    Attributes:
        iras: books that are retirement accounts: what they buy washes a loss for good, what they lose does not count.
        groups: symbols that are substantially identical with another one, and which one that is.
        exempt: symbols that the wash-sale rule is not applied to.
    """

    iras: frozenset[BookId] = frozenset()
    # A mapping has no hash; it still makes two rules unequal.
    groups: Mapping[Symbol, Symbol] = field(default_factory=dict, hash=False)
    exempt: frozenset[Symbol] = frozenset()

    def group_of(self, symbol: Symbol) -> Symbol:
        """Return the symbol that stands for all that are substantially identical with `symbol`."""
        return self.groups.get(symbol, symbol)

    def alike(self, symbol: Symbol) -> tuple[Symbol, ...]:
        """Return the symbols that are substantially identical with `symbol`, itself among them, ascending."""
        if not self.groups:
            return (symbol,)
        group = self.group_of(symbol)
        return tuple(sorted(s for s in {symbol, group, *self.groups} if self.group_of(s) == group))

    def may_wash(self, book: BookId, symbol: Symbol) -> bool:
        """Whether a replacement can wash a loss of this symbol in this book."""
        return book not in self.iras and symbol not in self.exempt


@dataclass(frozen=True, slots=True)
class WashMatch:
    """Shares sold at a loss and the shares that replaced them.

    Attributes:
        fill_id, loss_lot_id: the sale and the lot that it closed. lot_id: the replacement.
        is_permanent: bought in an IRA: the loss is gone and no basis moves (Rev. Rul. 2008-5).
    """

    fill_id: str
    loss_lot_id: str
    lot_id: str
    book: BookId
    symbol: Symbol
    quantity: Decimal
    disallowed_usd: Decimal
    is_permanent: bool


@dataclass(frozen=True)
class TaxRow:
    """Shares of one lot that one execution sold: a row of Form 8949.

    Attributes:
        acquired_on: trade date. holding_starts_on: with the days of washed lots added (26 U.S.C. § 1223(3)).
        order_id: of the sale.
        open_quantity: shares sold at a loss that nothing has replaced; 0 for a gain.
    """

    fill_id: str
    order_id: str
    lot_id: str
    book: BookId
    symbol: Symbol
    quantity: Decimal
    acquired_on: date
    holding_starts_on: date
    sold_on: date
    proceeds_usd: Decimal
    basis_usd: Decimal
    matches: tuple[WashMatch, ...]
    open_quantity: Decimal

    @cached_property
    def disallowed_usd(self) -> Decimal:
        """Loss that does not count in this row, positive: column g."""
        return sum_usd(m.disallowed_usd for m in self.matches)

    @cached_property
    def permanent_usd(self) -> Decimal:
        """The part of it that is lost for good."""
        return sum_usd(m.disallowed_usd for m in self.matches if m.is_permanent)

    @property
    def economic_usd(self) -> Decimal:
        """Proceeds less basis."""
        return self.proceeds_usd - self.basis_usd

    @property
    def gain_usd(self) -> Decimal:
        """Gain or loss that counts: column h."""
        return self.economic_usd + self.disallowed_usd

    @property
    def term(self) -> Term:
        """Short or long, by the holding period."""
        return term_of(self.holding_starts_on, self.sold_on)

    @property
    def washable_until(self) -> date:
        """The last day on which a purchase would replace the shares that are still open."""
        return self.sold_on + WINDOW


@dataclass(frozen=True, slots=True)
class TaxLot:
    """Shares held. A lot of which some shares replaced others is two of these.

    Attributes:
        basis_usd: with disallowed losses. wash_usd: the part of it that disallowed losses are.
    """

    lot_id: str
    book: BookId
    symbol: Symbol
    quantity: Decimal
    basis_usd: Decimal
    wash_usd: Decimal
    acquired_on: date
    holding_starts_on: date
    is_replacement: bool


@dataclass(frozen=True, slots=True)
class TaxLedger:
    """Rows by disposition, and lots by acquisition."""

    rows: tuple[TaxRow, ...]
    lots: tuple[TaxLot, ...]
