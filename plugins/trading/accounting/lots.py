"""Fills open and close tax lots, first in first out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from trading.domain.fills import Booking, Disposal, Fill, Lot, Term
from trading.domain.money import ZERO
from trading.domain.orders import Side
from trading.errors import InvariantBroken


def book_fill(fill: Fill, open_lots: Sequence[Lot]) -> Booking:
    """Return what `fill` does to the open lots of its symbol, FIFO.

    A commission that is not known yet counts as zero and is booked as cash when it arrives; it is then outside the
    lot's cost, which the nightly reconciliation reports.

    Raises:
        InvariantBroken: the fill sells more shares than the lots hold (the desk is long only).
    """
    commission = fill.commission_usd or ZERO
    if fill.side is Side.BUY:
        return _buy(fill, open_lots, commission)
    return _sell(fill, open_lots, commission)


def _buy(fill: Fill, open_lots: Sequence[Lot], commission: Decimal) -> Booking:
    bought_on = fill.executed_at.date()
    cost = fill.quantity * fill.price + commission
    lot = Lot(
        lot_id=f"lot.{fill.fill_id}",
        book=fill.book,
        symbol=fill.symbol,
        quantity=fill.quantity,
        cost_per_share=(cost / fill.quantity).quantize(Decimal("1e-8")),
        wash_adjustment_usd=ZERO,
        acquired_on=bought_on,
        holding_starts_on=bought_on,
        fill_id=fill.fill_id,
    )
    return Booking(fill, (*open_lots, lot), (), -cost)


def _sell(fill: Fill, open_lots: Sequence[Lot], commission: Decimal) -> Booking:
    held = sum((lot.quantity for lot in open_lots), ZERO)
    if fill.quantity > held:
        raise InvariantBroken(
            f"{fill.symbol}: fill {fill.fill_id} sells {fill.quantity} of {held} shares held; run a reconciliation"
        )
    net = fill.quantity * fill.price - commission
    left, kept = fill.quantity, list[Lot]()
    disposals: list[Disposal] = []
    for lot in sorted(open_lots, key=lambda lot: (lot.acquired_on, lot.lot_id)):
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
    """Return LONG when the shares were held for more than one year, counted from the day after acquisition.

    Source: IRS Publication 550, holding period.
    """
    try:
        anniversary = holding_starts_on.replace(year=holding_starts_on.year + 1)
    except ValueError:
        anniversary = date(holding_starts_on.year + 1, 3, 1)
    return Term.LONG if sold_on > anniversary else Term.SHORT
