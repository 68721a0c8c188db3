"""A broker corrects an execution: what was booked is taken back and booked again as it really was.

Shares that a corrected purchase opened and that were sold since cannot be told apart any more without rewriting tax
rows, and a sale of another size would touch other lots: both are left to a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from trading.accounting.lots import book_fill
from trading.domain.fills import Booking, Disposal, Fill, Lot
from trading.domain.money import ZERO
from trading.domain.orders import Side
from trading.errors import InvariantBroken


def corrected(wrong: Fill, right: Fill, open_lots: Sequence[Lot], disposals: Sequence[Disposal]) -> Booking:
    """Return the booking of `right` on the lots and disposals that `wrong` left behind.

    Raises:
        InvariantBroken: the correction cannot be booked without rewriting what later sales rest on.
    """
    if right.side is not wrong.side:
        raise InvariantBroken(f"{_name(wrong, right)} changes its side; book it by hand from the broker's statement")
    if right.side is Side.BUY:
        return _purchase(wrong, right, open_lots)
    return _sale(wrong, right, open_lots, disposals)


def _purchase(wrong: Fill, right: Fill, open_lots: Sequence[Lot]) -> Booking:
    others = [lot for lot in open_lots if lot.fill_id != wrong.fill_id]
    mine = [lot for lot in open_lots if lot.fill_id == wrong.fill_id]
    if sum((lot.quantity for lot in mine), ZERO) != wrong.quantity:
        raise InvariantBroken(
            f"{_name(wrong, right)} corrects shares that were sold or split since; book it by hand from the statement"
        )
    return book_fill(right, others)


def _sale(wrong: Fill, right: Fill, open_lots: Sequence[Lot], disposals: Sequence[Disposal]) -> Booking:
    if right.quantity != wrong.quantity:
        raise InvariantBroken(f"{_name(wrong, right)} changes its size; book it by hand from the broker's statement")
    net = right.quantity * right.price - (right.commission_usd or ZERO)
    mine = [d for d in disposals if d.fill_id == wrong.fill_id]
    sold = tuple(
        replace(
            d,
            disposal_id=f"{right.fill_id}/{d.lot_id}",
            fill_id=right.fill_id,
            proceeds_usd=(net * d.quantity / right.quantity).quantize(Decimal("1e-6")),
        )
        for d in mine
    )
    return Booking(right, tuple(open_lots), sold, net)


def _name(wrong: Fill, right: Fill) -> str:
    return f"{wrong.symbol}: the correction {right.fill_id} of {wrong.fill_id}"
