from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from trading.domain.market import ActionKind
from trading.domain.orders import OrderPurpose, OrderType, Side
from trading.domain.portfolio import Portfolio, Position
from trading.engine.corporate import apply_actions, whole_lots
from trading.engine.state import BookState

from tests.builders import AS_OF, BOOK, a_lot, an_action, an_order

OPENS = {"NVDA": 66.0}


def a_guarded_book() -> BookState:
    stop = an_order(
        side=Side.SELL,
        purpose=OrderPurpose.STOP,
        order_type=OrderType.TRAIL,
        limit_price=None,
        stop_price=Decimal(88),
        trail_frac=0.12,
    )
    positions = {"NVDA": Position("NVDA", (a_lot(),), 120.0)}
    return BookState(Portfolio(BOOK, AS_OF, Decimal(1_000), positions), working=(stop,))


def test_a_split_moves_lots_marks_and_stops_together_and_keeps_the_cost():
    before = a_guarded_book()
    after, dividends = apply_actions(before, [an_action(value=4.0)], OPENS)
    position = after.portfolio.positions["NVDA"]
    assert (position.quantity, position.high_water_price) == (40, 30.0)
    assert position.cost_usd == before.portfolio.positions["NVDA"].cost_usd
    assert (after.working[0].quantity, after.working[0].stop_price) == (40, Decimal("22.0000"))
    assert dividends == ()


def test_a_dividend_is_paid_on_what_is_held():
    dividend = an_action(kind=ActionKind.DIVIDEND, value=0.25)
    after, (paid,) = apply_actions(a_guarded_book(), [dividend], OPENS)
    assert (paid.amount_usd, after.portfolio.cash_usd) == (Decimal("2.50"), Decimal("1002.50"))


def test_actions_of_other_symbols_change_nothing():
    book = a_guarded_book()
    actions = [replace(an_action(), symbol="AMD"), replace(an_action(kind=ActionKind.DIVIDEND), symbol="AMD")]
    assert apply_actions(book, actions, OPENS) == (book, ())


def test_a_split_leaves_whole_shares_and_prices_that_a_broker_takes():
    before = a_guarded_book()
    after, _ = apply_actions(before, [an_action(value=1.25)], OPENS)
    assert after.portfolio.positions["NVDA"].quantity == 12
    assert (after.working[0].quantity, after.working[0].stop_price) == (12, Decimal("70.40"))
    after, _ = apply_actions(before, [an_action(value=3.0)], OPENS)
    assert after.working[0].stop_price == Decimal("29.34"), "a sale is rounded up to a tick"


@pytest.mark.parametrize(("opens", "paid_usd"), [(OPENS, "33.00"), ({}, "33.37")], ids=["at the open", "at its cost"])
def test_the_broken_share_of_a_split_is_paid_in_cash(opens, paid_usd):
    before = a_guarded_book()
    lots = (a_lot(lot_id="lot.old"), a_lot(lot_id="lot.young", quantity=Decimal(5), acquired_on=AS_OF.date()))
    held = replace(before.portfolio, positions={"NVDA": Position("NVDA", lots, 120.0)})
    guard = replace(before.working[0], quantity=Decimal(15))
    after, (paid,) = apply_actions(replace(before, portfolio=held, working=(guard,)), [an_action(value=1.5)], opens)
    assert [lot.quantity for lot in after.portfolio.positions["NVDA"].lots] == [15, 7]
    assert after.working[0].quantity == 22, "the stop guards what is held"
    assert (paid.amount_usd, paid.action.kind) == (Decimal(paid_usd), ActionKind.SPLIT)
    assert after.portfolio.cash_usd == 1_000 + Decimal(paid_usd)


def test_a_reverse_split_that_leaves_no_whole_share_closes_the_position():
    after, (paid,) = apply_actions(a_guarded_book(), [an_action(value=0.05)], {"NVDA": 2_000.0})
    assert (paid.amount_usd, after.held) == (Decimal("1000.00"), {})
    assert ("NVDA" in after.portfolio.positions, after.working) == (False, ())


def test_the_cost_of_a_lot_that_a_reverse_split_takes_away_stays_with_the_others():
    old = a_lot(lot_id="old", quantity=Decimal("1.6"), cost_per_share=Decimal("3.125"), acquired_on=date(2019, 1, 3))
    young = a_lot(lot_id="young", quantity=Decimal("0.1"), cost_per_share=Decimal(50))
    (left,) = whole_lots([old, young])
    assert (left.lot_id, left.quantity, left.quantity * left.cost_per_share) == ("old", 1, 10)
