"""Fills open and close lots at what they cost; what wash sales add to a basis is in `accounting.tax`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol

from trading.domain.fills import Booking, Disposal, Fill, Lot, LotMethod, Term
from trading.domain.money import ZERO
from trading.domain.orders import Side
from trading.errors import InvariantBroken


class Relievable(Protocol):
    """Shares bought together, as the choice of lots sees them."""

    @property
    def lot_id(self) -> str:
        """Key of the lot."""
        ...

    @property
    def acquired_on(self) -> date:
        """Trade date."""
        ...

    @property
    def cost_per_share(self) -> Decimal:
        """What a share cost [USD], without disallowed losses."""
        ...


def relief_order[Some: Relievable](lots: Iterable[Some], method: LotMethod) -> list[Some]:
    """Return lots in the order in which a sale closes them: oldest first, or dearest first (HIFO)."""
    oldest = sorted(lots, key=lambda lot: (lot.acquired_on, lot.lot_id))
    return sorted(oldest, key=lambda lot: -lot.cost_per_share) if method is LotMethod.HIFO else oldest


def book_fill(fill: Fill, open_lots: Sequence[Lot], method: LotMethod = LotMethod.FIFO) -> Booking:
    """Return what `fill` does to the open lots of its symbol.

    A commission that is not known yet counts as zero and is booked as cash when it arrives; it is then outside the
    lot's cost, which the nightly reconciliation reports.

    Raises:
        InvariantBroken: the fill sells more shares than the lots hold (the desk is long only).
    """
    commission = fill.commission_usd or ZERO
    if fill.side is Side.BUY:
        return _buy(fill, open_lots, commission)
    return _sell(fill, open_lots, commission, method)


def _buy(fill: Fill, open_lots: Sequence[Lot], commission: Decimal) -> Booking:
    bought_on = fill.executed_at.date()
    cost = fill.quantity * fill.price + commission
    lot = Lot(
        lot_id=f"lot.{fill.fill_id}",
        book=fill.book,
        symbol=fill.symbol,
        quantity=fill.quantity,
        cost_per_share=cost_per_share(cost, fill.quantity),
        wash_adjustment_usd=ZERO,
        acquired_on=bought_on,
        holding_starts_on=bought_on,
        fill_id=fill.fill_id,
    )
    return Booking(fill, (*open_lots, lot), (), -cost)


def cost_per_share(cost_usd: Decimal, quantity: Decimal) -> Decimal:
    """Return what a share cost [USD], as lots keep it."""
    return (cost_usd / quantity).quantize(Decimal("1e-8"))


def _sell(fill: Fill, open_lots: Sequence[Lot], commission: Decimal, method: LotMethod) -> Booking:
    held = sum((lot.quantity for lot in open_lots), ZERO)
    if fill.quantity > held:
        raise InvariantBroken(
            f"{fill.symbol}: fill {fill.fill_id} sells {fill.quantity} of {held} shares held; run a reconciliation"
        )
    net = fill.quantity * fill.price - commission
    if len(open_lots) == 1 and fill.quantity == held:
        return Booking(fill, (), (_dispose(fill, open_lots[0], held, net),), net)
    left, kept = fill.quantity, list[Lot]()
    disposals: list[Disposal] = []
    for lot in relief_order(open_lots, method):
        taken = min(lot.quantity, left)
        if taken:
            disposals.append(_dispose(fill, lot, taken, net * taken / fill.quantity))
            left -= taken
        if lot.quantity > taken:
            kept.append(replace(lot, quantity=lot.quantity - taken))
    return Booking(fill, tuple(kept), tuple(disposals), net)


def _dispose(fill: Fill, lot: Lot, quantity: Decimal, proceeds_usd: Decimal) -> Disposal:
    sold_on = fill.executed_at.date()
    return Disposal(
        disposal_id=f"{fill.fill_id}/{lot.lot_id}",
        lot_id=lot.lot_id,
        fill_id=fill.fill_id,
        book=fill.book,
        symbol=fill.symbol,
        quantity=quantity,
        proceeds_usd=proceeds_usd.quantize(Decimal("1e-6")),
        basis_usd=(quantity * lot.cost_per_share).quantize(Decimal("1e-6")),
        disallowed_loss_usd=ZERO,
        acquired_on=lot.acquired_on,
        disposed_on=sold_on,
        term=term_of(lot.holding_starts_on, sold_on),
    )


def term_of(holding_starts_on: date, sold_on: date) -> Term:
    """Return LONG when the shares were held for more than one year, see `long_from`."""
    return Term.LONG if sold_on >= long_from(holding_starts_on) else Term.SHORT


def long_from(holding_starts_on: date) -> date:
    """Return the first day on which a sale is long-term, counted from the day after acquisition.

    The holding period begins on the day after the purchase, so a year has passed on the day before that day comes
    again: shares of the last day of a month are long from the first day of the thirteenth month on (Rev. Rul. 66-7),
    e.g. bought on 28 February 2023, long from 1 March 2024. Source: IRS Publication 550, holding period.
    """
    starts_on = holding_starts_on + timedelta(days=1)
    leap_day = (starts_on.month, starts_on.day) == (2, 29)
    return date(starts_on.year + 1, 3, 1) if leap_day else starts_on.replace(year=starts_on.year + 1)
