"""What a fill writes, whole: every field of the lot that it opens and of the disposals that it makes."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from trading.accounting.lots import book_fill, relief_order
from trading.domain.fills import Booking, Disposal, Lot, LotMethod, Term
from trading.domain.orders import Side
from trading.errors import InvariantBroken

from tests.builders import AS_OF, BOOK, a_fill, a_lot

ON = date(2019, 6, 3)


def test_a_purchase_opens_one_lot_beside_what_is_held():
    older = a_lot(lot_id="lot.f0", fill_id="f0")
    bought = a_fill(quantity=Decimal(3), price=Decimal("100.01"), commission_usd=Decimal("1.00"))
    lot = Lot("lot.f1", BOOK, "NVDA", Decimal(3), Decimal("100.34333333"), Decimal(0), ON, ON, "f1")
    assert book_fill(bought, (older,)) == Booking(bought, (older, lot), (), Decimal("-301.03"))


def test_a_commission_that_is_not_known_yet_counts_as_nothing():
    assert book_fill(a_fill(commission_usd=None), ()).cash_usd == Decimal("-1000.00")


@pytest.mark.parametrize("beside", [(), (a_lot(lot_id="lot.f9", fill_id="f9", acquired_on=ON + timedelta(days=9)),)])
def test_a_sale_disposes_of_a_lot_with_its_dates_and_its_share_of_the_costs(beside):
    lot = a_lot(
        quantity=Decimal(10), cost_per_share=Decimal("100.1"), wash_adjustment_usd=Decimal(5),
        acquired_on=date(2019, 5, 1), holding_starts_on=date(2018, 5, 1),
    )  # fmt: skip
    sold = a_fill(fill_id="f2", side=Side.SELL, price=Decimal("90.00"), commission_usd=Decimal("1.00"))
    disposal = Disposal(
        disposal_id="f2/lot.f1", lot_id="lot.f1", fill_id="f2", book=BOOK, symbol="NVDA", quantity=Decimal(10),
        proceeds_usd=Decimal("899.000000"), basis_usd=Decimal("1001.000000"), disallowed_loss_usd=Decimal(0),
        acquired_on=date(2019, 5, 1), disposed_on=ON, term=Term.LONG,
    )  # fmt: skip
    assert book_fill(sold, (lot, *beside)) == Booking(sold, beside, (disposal,), Decimal("899.00"))


def test_two_lots_of_which_all_goes_are_two_disposals():
    lots = (a_lot(quantity=Decimal(4)), a_lot(lot_id="lot.f2", fill_id="f2", quantity=Decimal(6)))
    sold = a_fill(fill_id="f3", side=Side.SELL, quantity=Decimal(10))
    booking = book_fill(sold, lots)
    assert booking.lots == ()
    assert [(d.lot_id, d.quantity) for d in booking.disposals] == [("lot.f1", 4), ("lot.f2", 6)]
    with pytest.raises(InvariantBroken, match=r"NVDA: fill f3 sells 11 of 10 shares held; run a reconciliation"):
        book_fill(a_fill(fill_id="f3", side=Side.SELL, quantity=Decimal(11)), lots)


DEAR, CHEAP, OLD = (
    a_lot(lot_id="lot.b", cost_per_share=Decimal(120), acquired_on=ON + timedelta(days=1)),
    a_lot(lot_id="lot.c", cost_per_share=Decimal(80), acquired_on=ON + timedelta(days=1)),
    a_lot(lot_id="lot.d", cost_per_share=Decimal(100), acquired_on=ON),
)


@pytest.mark.parametrize(
    ("method", "order"), [(LotMethod.FIFO, [OLD, DEAR, CHEAP]), (LotMethod.HIFO, [DEAR, OLD, CHEAP])]
)
def test_each_method_has_its_order_and_a_sale_follows_it(method, order):
    assert relief_order((CHEAP, DEAR, OLD), method) == order
    sold = a_fill(fill_id="f2", side=Side.SELL, quantity=Decimal(15))
    booking = book_fill(sold, (CHEAP, DEAR, OLD), method)
    assert [(d.lot_id, d.quantity) for d in booking.disposals] == [(order[0].lot_id, 10), (order[1].lot_id, 5)]


def test_of_equally_dear_lots_the_oldest_goes_first():
    twin = a_lot(lot_id="lot.a", cost_per_share=Decimal(120), acquired_on=ON + timedelta(days=2))
    assert relief_order((twin, DEAR), LotMethod.HIFO) == [DEAR, twin]


def test_fifo_is_the_method_where_none_is_named():
    sold = a_fill(fill_id="f2", side=Side.SELL, quantity=Decimal(5), executed_at=AS_OF + timedelta(days=2))
    assert book_fill(sold, (CHEAP, DEAR, OLD)).disposals[0].lot_id == "lot.d"
