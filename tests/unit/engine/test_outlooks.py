"""A desk asks the lots of its book what a sale would do about wash sales."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from trading.domain.portfolio import Portfolio, Position
from trading.engine.outlooks import SaleOutlooks
from trading.engine.state import BookState

from tests.builders import AS_OF, BOOK, a_lot

OLD = a_lot(lot_id="lot.f0", fill_id="f0", acquired_on=date(2019, 1, 3), cost_per_share=Decimal(120))
ON = AS_OF.date()


def outlooks(*lots, on=ON):
    positions = {"NVDA": Position("NVDA", lots, 120.0)}
    return SaleOutlooks(BookState(Portfolio(BOOK, AS_OF, Decimal(0), positions)), on)


def test_a_sale_at_a_loss_beside_a_fresh_purchase_would_be_a_wash_sale():
    found = outlooks(OLD, a_lot())("NVDA", Decimal(10), 100.0)
    assert (found.loss_usd, found.wash_quantity, found.disallowed_usd) == (200, 10, 200)
    assert found.clean_on == ON + timedelta(days=31)


def test_a_sale_of_everything_washes_nothing_even_if_more_is_asked_for_than_is_held():
    found = outlooks(OLD, a_lot())("NVDA", Decimal(25), 100.0)
    assert (found.wash_quantity, found.clean_on) == (0, None)


def test_nothing_is_simulated_where_no_purchase_is_recent_or_nothing_is_held():
    ask = outlooks(OLD)
    assert ask("NVDA", Decimal(10), 100.0) is None
    assert ask("AMD", Decimal(10), 100.0) is None
