from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading.accounting.lots import book_fill, term_of
from trading.accounting.wash_sales import washing
from trading.domain.fills import Term
from trading.domain.orders import Side
from trading.errors import InvariantBroken

from tests.builders import AS_OF, a_fill

trades = st.lists(st.tuples(st.integers(-30, 30).filter(bool), st.integers(1, 500)), max_size=25)


@given(trades=trades)
def test_lots_and_disposals_add_up_to_the_fills_and_cash_is_conserved(trades):
    lots, disposals, cash, held = (), [], Decimal(0), 0
    for number, (shares, price) in enumerate(trades):
        shares = max(shares, -held)
        if shares == 0:
            continue
        held += shares
        fill = a_fill(
            fill_id=f"f{number:03}",
            side=Side.BUY if shares > 0 else Side.SELL,
            quantity=Decimal(abs(shares)),
            price=Decimal(price),
            executed_at=AS_OF + timedelta(days=number),
        )
        booking = book_fill(fill, lots)
        lots, cash = booking.lots, cash + booking.cash_usd
        disposals += booking.disposals
    assert sum(lot.quantity for lot in lots) == held
    open_cost = sum(lot.quantity * lot.cost_per_share for lot in lots)
    gains = sum(d.gain_usd for d in disposals)
    assert abs(cash + open_cost - gains) < Decimal("0.001")


def test_the_oldest_lot_goes_first_with_its_share_of_both_commissions():
    first = book_fill(a_fill(fill_id="f1"), ())
    second = book_fill(a_fill(fill_id="f2", price=Decimal(200), executed_at=AS_OF + timedelta(days=1)), first.lots)
    sale = a_fill(fill_id="f3", side=Side.SELL, quantity=Decimal(15), price=Decimal(150))
    booking = book_fill(sale, second.lots)
    assert [(d.lot_id, d.quantity) for d in booking.disposals] == [("lot.f1", 10), ("lot.f2", 5)]
    assert booking.disposals[0].basis_usd == Decimal("1001.000000")
    assert booking.disposals[0].proceeds_usd == Decimal("1499.333333")
    assert [(lot.lot_id, lot.quantity) for lot in booking.lots] == [("lot.f2", 5)]


def test_selling_more_than_is_held_breaks_the_books():
    with pytest.raises(InvariantBroken, match="sells 10 of 0"):
        book_fill(a_fill(side=Side.SELL), ())


@pytest.mark.parametrize(
    ("bought", "sold", "term"),
    [
        (date(2023, 1, 10), date(2024, 1, 10), Term.SHORT),
        (date(2023, 1, 10), date(2024, 1, 11), Term.LONG),
        (date(2024, 2, 29), date(2025, 2, 28), Term.SHORT),
        (date(2024, 2, 29), date(2025, 3, 1), Term.LONG),
        (date(2024, 2, 28), date(2025, 2, 28), Term.SHORT),
        (date(2024, 2, 28), date(2025, 3, 1), Term.LONG),
        (date(2023, 2, 28), date(2024, 2, 29), Term.SHORT),
        (date(2023, 2, 28), date(2024, 3, 1), Term.LONG),
        (date(2023, 4, 30), date(2024, 4, 30), Term.SHORT),
        (date(2023, 4, 30), date(2024, 5, 1), Term.LONG),
    ],
)
def test_long_term_begins_a_year_and_a_day_after_the_purchase(bought, sold, term):
    assert term_of(bought, sold) is term


def test_a_loss_blocks_buying_back_for_thirty_days_and_a_gain_does_not():
    lots = book_fill(a_fill(), ()).lots
    loss = book_fill(a_fill(fill_id="f2", side=Side.SELL, price=Decimal(90)), lots).disposals
    gain = book_fill(a_fill(fill_id="f2", side=Side.SELL, price=Decimal(110)), lots).disposals
    assert washing(loss, {}) == {"NVDA": AS_OF.date() + timedelta(days=30)}
    assert washing(gain, {}) == {}
