"""Wash sales before they happen, on the tax ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from trading.accounting.lots import book_fill
from trading.accounting.tax.ledger import tax_ledger
from trading.accounting.wash_sales import sale_now, sale_outlook, washing
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.fills import LotMethod, WashOutlook
from trading.domain.orders import Side

from tests.builders import BOOK, a_fill
from tests.oracles import oracle
from tests.unit.accounting.tax.oracle_events import events_of

BOUGHT_ON = date(2026, 1, 5)


def booked(*trades, method=LotMethod.FIFO, **overrides):
    """Return the open lots and disposals after (day, signed shares, price) without commissions."""
    lots, disposals = (), ()
    for number, (on, shares, price) in enumerate(trades):
        booking = book_fill(
            a_fill(
                fill_id=f"f{number}", side=Side.BUY if shares > 0 else Side.SELL, quantity=Decimal(abs(shares)),
                price=Decimal(str(price)), commission_usd=Decimal(0),
                executed_at=datetime(on.year, on.month, on.day, 16, number, tzinfo=UTC), **overrides,
            ),
            lots,
            method,
        )  # fmt: skip
        lots, disposals = booking.lots, (*disposals, *booking.disposals)
    return lots, disposals


def a_day(number):
    return BOUGHT_ON + timedelta(days=number)


@pytest.mark.parametrize("number", range(7), ids=lambda n: f"PS{n + 1}")
def test_what_may_be_bought_back_and_what_a_sale_would_wash_are_those_of_the_oracle(number):
    case = oracle("wash_sale_prevention.json")["cases"][number]
    proposal, expected = case["proposal"], case["expected"]
    signed = {"BUY": 1, "SELL": -1}
    lots, disposals = booked(
        *((date.fromisoformat(e["date"]), signed[e["type"]] * e["qty"], e["price"]) for e in case["history"])
    )
    on, quantity = date.fromisoformat(proposal["date"]), Decimal(proposal["qty"])
    if proposal["side"] == "BUY":
        until = washing(disposals, {"NVDA": lots}).get("NVDA", date.min)
        assert on <= until if expected["verdict"] == "block" else on > until
        if expected["verdict"] == "block":
            assert until + timedelta(days=1) == date.fromisoformat(expected["first_clean_calendar_day"])
            (row,) = tax_ledger(events_of([*case["history"], {**proposal, "type": "BUY", "id": "P"}])).rows
            assert sum(m.quantity for m in row.matches) == expected["wash_shares_if_bought"]
        return
    outlook = sale_outlook(sale_now(BOOK, "NVDA", quantity, Decimal(proposal["price"]), on), lots, disposals)
    assert f"{outlook.loss_usd:.2f}" == expected["loss"]
    assert outlook.wash_quantity == expected["wash_shares"]
    assert f"{outlook.disallowed_usd:.2f}" == expected.get("disallowed", "0.00")
    if "first_clean_calendar_day" in expected:
        assert outlook.clean_on == date.fromisoformat(expected["first_clean_calendar_day"])
        first = next(a for n in range(9) if NyseCalendar().session(a := outlook.clean_on + timedelta(days=n)))
        assert first == date.fromisoformat(expected["first_clean_session"])


def test_a_loss_whose_shares_are_replaced_already_keeps_nobody_from_buying():
    lots, disposals = booked((a_day(0), 20, 50), (a_day(50), 20, 45), (a_day(60), -20, 44))
    assert washing(disposals, {"NVDA": lots}) == {}


def test_a_loss_of_which_a_part_is_replaced_still_keeps_the_symbol_closed():
    lots, disposals = booked((a_day(0), 20, 50), (a_day(50), 5, 45), (a_day(60), -20, 44))
    assert washing(disposals, {"NVDA": lots}) == {"NVDA": a_day(90)}


def test_shares_that_replaced_one_loss_do_not_replace_the_next():
    lots, disposals = booked(
        (a_day(0), 10, 50), (a_day(1), 10, 50), (a_day(50), 10, 45), (a_day(60), -10, 44), (a_day(62), -10, 44)
    )
    assert washing(disposals, {"NVDA": lots}) == {"NVDA": a_day(92)}


def test_a_gain_at_cost_is_a_loss_where_a_wash_sale_raised_the_basis():
    lots, disposals = booked((a_day(0), 10, 50), (a_day(50), 10, 45), (a_day(60), -10, 40), (a_day(70), -10, 46))
    assert disposals[1].gain_usd > 0
    assert washing(disposals, {"NVDA": lots}) == {"NVDA": a_day(100)}


def test_executions_of_one_order_are_one_purchase_of_which_the_rest_replaces_nothing():
    lots, disposals = booked((a_day(0), 10, 50), (a_day(0), 10, 51))
    sale = sale_now(BOOK, "NVDA", Decimal(10), Decimal(45), a_day(10))
    assert sale_outlook(sale, lots, disposals).wash_quantity == 10
    assert sale_outlook(sale, lots, disposals, {"f0": "entry", "f1": "entry"}).wash_quantity == 0


def test_what_was_sold_to_the_last_share_stays_closed_for_thirty_days():
    _, disposals = booked((a_day(0), 10, 50), (a_day(60), -10, 44))
    assert washing(disposals, {}) == {"NVDA": a_day(90)}


def test_a_sale_at_a_gain_says_nothing_of_a_loss_that_its_shares_replaced_before():
    lots, disposals = booked((a_day(0), 10, 50), (a_day(50), 10, 45), (a_day(60), -10, 44))
    sale = sale_now(BOOK, "NVDA", Decimal(10), Decimal(60), a_day(65))
    assert sale_outlook(sale, lots, disposals) == WashOutlook(Decimal(0), Decimal(0), Decimal(0), None)


def test_shares_bought_thirty_days_before_are_the_last_to_replace_and_are_clean_a_day_later():
    lots, _ = booked((a_day(0), 10, 50), (a_day(50), 10, 45))
    outlook = sale_outlook(sale_now(BOOK, "NVDA", Decimal(10), Decimal(44), a_day(80)), lots, ())
    assert (outlook.wash_quantity, outlook.clean_on) == (10, a_day(81))
    later = sale_outlook(sale_now(BOOK, "NVDA", Decimal(10), Decimal(44), a_day(81)), lots, ())
    assert (later.wash_quantity, later.clean_on) == (0, None)


def test_the_rest_of_a_lot_that_goes_in_part_replaces_and_a_clean_day_is_named():
    lots, _ = booked((a_day(0), 10, 50), (a_day(50), 10, 50))
    outlook = sale_outlook(sale_now(BOOK, "NVDA", Decimal(15), Decimal(45), a_day(60)), lots, ())
    assert (outlook.loss_usd, outlook.wash_quantity, outlook.disallowed_usd) == (75, 5, 25)
    assert outlook.clean_on >= a_day(81)


def test_shares_of_which_a_part_was_sold_are_one_purchase_with_what_is_left_of_them():
    lots, disposals = booked((a_day(0), 20, 50), (a_day(10), -10, 45))
    assert washing(disposals, {"NVDA": lots}) == {"NVDA": a_day(40)}
    assert washing(disposals, {"NVDA": lots}, {"f0": "entry", "f1": "exit"}) == {"NVDA": a_day(40)}


def test_shares_of_thirty_days_before_a_loss_have_replaced_it_and_those_of_the_day_before_have_not():
    lots, disposals = booked((a_day(0), 10, 50), (a_day(30), 10, 45), (a_day(60), -10, 44))
    assert washing(disposals, {"NVDA": lots}) == {}
    lots, disposals = booked((a_day(0), 10, 50), (a_day(29), 10, 45), (a_day(60), -10, 44))
    assert washing(disposals, {"NVDA": lots}) == {"NVDA": a_day(90)}


def test_what_replaced_a_loss_may_have_been_sold_since():
    _, disposals = booked((a_day(0), 10, 50), (a_day(30), 10, 45), (a_day(60), -10, 44), (a_day(61), -10, 60))
    assert washing(disposals, {}) == {}


def test_two_orders_of_one_day_are_two_purchases_and_one_order_is_one():
    _, disposals = booked((a_day(0), 10, 50), (a_day(0), 10, 51), (a_day(5), -10, 45), (a_day(6), -10, 60))
    assert washing(disposals, {}) == {}
    assert washing(disposals, {}, {"f0": "entry", "f1": "entry"}) == {"NVDA": a_day(35)}


def test_two_orders_of_one_day_are_two_sales_and_one_order_is_one():
    _, disposals = booked((a_day(0), 5, 100), (a_day(45), 5, 101), (a_day(50), -5, 90), (a_day(50), -5, 130))
    assert washing(disposals, {}) == {}
    assert washing(disposals, {}, {"f2": "stop", "f3": "stop"}) == {"NVDA": a_day(80)}


def test_the_lot_that_was_booked_as_sold_is_the_one_that_is_gone():
    trades = (a_day(0), 10, 40), (a_day(50), 10, 60), (a_day(55), 5, 41), (a_day(60), -10, 55)
    lots, disposals = booked(*trades, method=LotMethod.HIFO)
    assert washing(disposals, {"NVDA": lots}) == {"NVDA": a_day(90)}


def test_executions_of_one_order_that_went_leave_no_replacement_behind():
    lots, disposals = booked((a_day(0), 10, 50), (a_day(0), 10, 51), (a_day(5), -10, 45))
    assert washing(disposals, {"NVDA": lots}) == {}
    assert washing(disposals, {"NVDA": lots}, {"f0": "entry", "f1": "entry"}) == {"NVDA": a_day(35)}


def test_the_dearest_lots_go_first_where_the_book_says_so():
    lots, _ = booked((a_day(0), 10, 40), (a_day(1), 10, 50))
    sale = sale_now(BOOK, "NVDA", Decimal(10), Decimal(45), a_day(100), LotMethod.HIFO)
    assert sale_outlook(sale, lots, ()).loss_usd == 50
