"""From purchases, sales and splits of one taxpayer to lots and Form 8949 rows, wash sales applied.

Sources: 26 U.S.C. §§ 1091, 1223(3); Treas. Reg. §§ 1.1091-1, 1.1091-2; IRS Publication 550; Rev. Rul. 56-602, 2008-5.
Everything is worked out anew from the first event, so the order in which events became known does not matter.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from trading.accounting.lots import cost_per_share, relief_order
from trading.accounting.tax.records import (
    IN_LIEU,
    WINDOW,
    Purchase,
    Sale,
    Split,
    TaxEvent,
    TaxLedger,
    TaxLot,
    TaxRow,
    TaxRules,
    WashMatch,
)
from trading.domain.fills import LotMethod
from trading.domain.instruments import BookId, Symbol
from trading.domain.money import PRICE_STEP, ZERO, share_out, sum_usd, to_usd
from trading.errors import InvariantBroken

type _Order = tuple[str, date]
"""Executions of one order on one day."""


def tax_ledger(events: Iterable[TaxEvent], rules: TaxRules | None = None) -> TaxLedger:
    """Return lots and rows after `events`, which may come in any order.

    Raises:
        InvariantBroken: a sale of more shares, or of other lots, than there are.
    """
    ordered = sorted(events, key=_when)
    work = _Work(rules or TaxRules(), Counter(_sale_of(e) for e in ordered if isinstance(e, Sale)))
    for event in ordered:
        match event:
            case Purchase():
                work.buy(event)
            case Sale():
                work.sell(event)
            case Split():
                work.split(event)
    return TaxLedger(tuple(loss.row() for loss in work.sold), tuple(p.lot() for p in work.held if p.quantity > 0))


def _when(event: TaxEvent) -> tuple[object, ...]:
    """At one instant splits come first and sales last, as executions are booked."""
    match event:
        case Split():
            return (event.at, 0, event.symbol, str(event.book))
        case Purchase():
            return (event.at, 1, event.lot_id, str(event.book))
        case Sale():
            return (event.at, 2, event.fill_id, str(event.book))


def _sale_of(sale: Sale) -> _Order:
    return f"{sale.book}/{sale.order_id}", sale.at.date()


@dataclass(slots=True, eq=False)
class _Piece:
    """Shares of one lot that share basis and holding period; `place` counts acquisitions."""

    lot_id: str
    purchase: _Order
    book: BookId
    symbol: Symbol
    quantity: Decimal
    basis_usd: Decimal
    cost_per_share: Decimal
    acquired_on: date
    holding_starts_on: date
    place: int
    wash_usd: Decimal = ZERO
    is_replacement: bool = False

    def cut(self, quantity: Decimal) -> _Piece:
        """Take `quantity` shares away and return them as a piece of their own."""
        parts = (quantity, self.quantity - quantity)
        basis, self.basis_usd = share_out(self.basis_usd, parts)
        wash, self.wash_usd = share_out(self.wash_usd, parts)
        self.quantity = parts[1]
        return replace(self, quantity=quantity, basis_usd=basis, wash_usd=wash)

    def lot(self) -> TaxLot:
        return TaxLot(
            self.lot_id, self.book, self.symbol, self.quantity, self.basis_usd, self.wash_usd, self.acquired_on,
            self.holding_starts_on, self.is_replacement,
        )  # fmt: skip


@dataclass(slots=True, eq=False)
class _Sold:
    """What one execution sold of a piece, and the part of its loss that nothing has replaced."""

    sale: Sale
    piece: _Piece
    proceeds_usd: Decimal
    open_quantity: Decimal = ZERO
    open_loss_usd: Decimal = ZERO
    matches: list[WashMatch] = field(default_factory=list)

    @property
    def sold_on(self) -> date:
        return self.sale.at.date()

    def row(self) -> TaxRow:
        piece, sale = self.piece, self.sale
        return TaxRow(
            sale.fill_id, sale.order_id, piece.lot_id, piece.book, piece.symbol, piece.quantity, piece.acquired_on,
            piece.holding_starts_on, self.sold_on, self.proceeds_usd, piece.basis_usd, tuple(self.matches),
            self.open_quantity,
        )  # fmt: skip


def _raise_cost(pieces: Sequence[_Piece], gone: Sequence[_Piece]) -> None:
    """Let a lot rank as it is booked: with the cost of the broken share that went."""
    shares = sum((p.quantity for p in pieces), ZERO)
    cost = sum((p.quantity * p.cost_per_share for p in (*pieces, *gone)), ZERO)
    for piece in pieces:
        piece.cost_per_share = cost_per_share(cost, shares)


def _pass_basis(pieces: Sequence[_Piece], gone: Sequence[_Piece]) -> None:
    """Let each share of a lot take over as much of the basis of shares that went for cash not known yet."""
    weights = [p.quantity for p in pieces]
    basis = share_out(sum_usd(p.basis_usd for p in gone), weights)
    wash = share_out(sum_usd(p.wash_usd for p in gone), weights)
    for piece, more, washed in zip(pieces, basis, wash, strict=True):
        piece.basis_usd += more
        piece.wash_usd += washed


class _Work:
    """The fold over the events, in their order."""

    def __init__(self, rules: TaxRules, executions: Counter[_Order]) -> None:
        self.rules = rules
        self.held: list[_Piece] = []
        self.sold: list[_Sold] = []
        self._to_come = executions
        self._unmatched: dict[_Order, list[_Sold]] = defaultdict(list)
        self._open: list[_Sold] = []
        self._place = 0

    def buy(self, bought: Purchase) -> None:
        """Open a lot; what it replaces of losses of the last 30 days becomes a piece of its own."""
        on = bought.at.date()
        self._place += 1
        rest = _Piece(
            bought.lot_id, (f"{bought.book}/{bought.order_id}", on), bought.book, bought.symbol, bought.quantity,
            to_usd(bought.cost_usd), cost_per_share(bought.cost_usd, bought.quantity), on, on, self._place,
        )  # fmt: skip
        self.held.append(rest)
        self._open = [loss for loss in self._open if loss.open_quantity > 0 and loss.sold_on >= on - WINDOW]
        for loss in self._open:
            if self._is_like(loss, rest):
                rest = self._match(loss, rest)

    def sell(self, sale: Sale) -> None:
        """Close lots; losses are matched when the last execution of the order on that day has gone."""
        key = _sale_of(sale)
        self._unmatched[key] += self._relieve(sale)
        self._to_come[key] -= 1
        if self._to_come[key]:
            return
        losses = [s for s in self._unmatched.pop(key) if self._counts(s)]
        for loss in sorted(losses, key=lambda s: (s.piece.acquired_on, s.piece.place)):
            loss.open_quantity = loss.piece.quantity
            loss.open_loss_usd = loss.piece.basis_usd - loss.proceeds_usd
            for piece in tuple(self.held):
                if self._replaces(loss, piece):
                    self._match(loss, piece)
            self._open.append(loss)

    def split(self, split: Split) -> None:
        """Move the shares of a book to another basis: held ones, and those of losses that wait for a replacement."""
        for piece in self.held:
            if (piece.book, piece.symbol) == (split.book, split.symbol):
                piece.quantity = (piece.quantity * split.ratio).quantize(PRICE_STEP)
                piece.cost_per_share = cost_per_share(piece.cost_per_share, split.ratio)
        for loss in self._open:
            if (loss.sale.book, loss.sale.symbol) == (split.book, split.symbol):
                loss.open_quantity *= split.ratio
        self._pay_out(split)

    def _pay_out(self, split: Split) -> None:
        """Take the broken share that a split leaves out of the youngest lots: it was sold for the cash in lieu."""
        mine = [p for p in self.held if (p.book, p.symbol) == (split.book, split.symbol)]
        broken = sum((p.quantity for p in mine), ZERO) % 1
        if not broken:
            return
        name = f"{IN_LIEU}{split.symbol}.{split.at:%Y-%m-%d}"
        sale = Sale(name, name, split.book, split.symbol, split.at, broken, split.in_lieu_usd or ZERO)
        youngest_first = relief_order(mine, LotMethod.FIFO)[::-1]
        taken = self._take(sale, youngest_first, broken)
        youngest = next((p.lot_id for p in youngest_first if p.quantity > 0), None)
        rest = [p for p in mine if p.lot_id == youngest and p.quantity > 0]
        if rest:
            _raise_cost(rest, taken)
        if split.in_lieu_usd is None and rest:
            _pass_basis(rest, taken)
        else:
            self._record(sale, taken)
        self.held = [p for p in self.held if p.quantity > 0]

    # --- which lots go --------------------------------------------------------------------------

    def _relieve(self, sale: Sale) -> list[_Sold]:
        mine = [p for p in self.held if (p.book, p.symbol) == (sale.book, sale.symbol)]
        taken = [piece for lots, quantity in self._named(sale, mine) for piece in self._take(sale, lots, quantity)]
        self.held = [p for p in self.held if p.quantity > 0]
        return self._record(sale, taken)

    def _record(self, sale: Sale, taken: Sequence[_Piece]) -> list[_Sold]:
        amounts = share_out(to_usd(sale.proceeds_usd), [p.quantity for p in taken])
        sold = [_Sold(sale, piece, amount) for piece, amount in zip(taken, amounts, strict=True)]
        self.sold += sold
        return sold

    def _named(self, sale: Sale, mine: Sequence[_Piece]) -> list[tuple[list[_Piece], Decimal]]:
        """Return which pieces may go, in order, and how many shares of them."""
        if not sale.chosen:
            return [(relief_order(mine, sale.method), sale.quantity)]
        return [(relief_order([p for p in mine if p.lot_id == i], LotMethod.FIFO), q) for i, q in sale.chosen]

    @staticmethod
    def _take(sale: Sale, lots: Sequence[_Piece], quantity: Decimal) -> list[_Piece]:
        taken = []
        for piece in lots:
            if quantity > 0:
                taken.append(piece.cut(min(quantity, piece.quantity)))
                quantity -= taken[-1].quantity
        if quantity > 0:
            raise InvariantBroken(
                f"{sale.symbol}: {sale.fill_id} sells {quantity} shares more than its lots hold; run a reconciliation"
            )
        return taken

    # --- wash sales -----------------------------------------------------------------------------

    def _counts(self, sold: _Sold) -> bool:
        """Whether it is a loss that a replacement can wash."""
        is_loss = sold.proceeds_usd < sold.piece.basis_usd
        return is_loss and self.rules.may_wash(sold.sale.book, sold.sale.symbol)

    def _replaces(self, loss: _Sold, piece: _Piece) -> bool:
        """Whether held shares were bought in the 30 days before a loss and may replace what it sold."""
        return piece.acquired_on >= loss.sold_on - WINDOW and self._is_like(loss, piece)

    def _is_like(self, loss: _Sold, piece: _Piece) -> bool:
        """Whether shares may replace those sold: substantially identical, fresh, and no rest of the same purchase."""
        same = self.rules.group_of(loss.sale.symbol) == self.rules.group_of(piece.symbol)
        fresh = not piece.is_replacement and loss.piece.purchase != piece.purchase
        return same and fresh and loss.open_quantity > 0

    def _match(self, loss: _Sold, piece: _Piece) -> _Piece:
        """Move the loss of as many shares as there are onto the replacement; return what is left of the piece."""
        quantity = min(loss.open_quantity, piece.quantity)
        washed, rest = piece, piece
        if quantity < piece.quantity:
            washed = piece.cut(quantity)
            self.held.insert(self.held.index(piece), washed)
        amount, loss.open_loss_usd = share_out(loss.open_loss_usd, (quantity, loss.open_quantity - quantity))
        loss.open_quantity -= quantity
        washed.is_replacement = True
        is_permanent = piece.book in self.rules.iras
        if not is_permanent:
            washed.basis_usd += amount
            washed.wash_usd += amount
            washed.holding_starts_on = washed.acquired_on - (loss.sold_on - loss.piece.holding_starts_on)
        sale = loss.sale
        loss.matches.append(
            WashMatch(
                sale.fill_id, loss.piece.lot_id, piece.lot_id, sale.book, sale.symbol, quantity, amount, is_permanent
            )
        )  # fmt: skip
        return rest
