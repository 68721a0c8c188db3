"""Wash sales before they happen: answers made outside the project."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from trading.accounting.lots import book_fill
from trading.accounting.wash_sales import sale_now, sale_outlook, washing
from trading.domain.orders import OrderPurpose, Side
from trading.execution.vetoes import vet

from tests.builders import BOOK, a_fill, an_order
from tests.oracles import oracle
from tests.unit.execution.desks import LIMITS, a_desk, an_exit


def lots_and_disposals(history):
    """Return the open lots and the disposals after the oracle's fills."""
    lots, disposals = (), ()
    for number, event in enumerate(history):
        fill = a_fill(
            fill_id=f"f{number}", side=Side(event["type"]), quantity=Decimal(event["qty"]),
            price=Decimal(event["price"]), commission_usd=Decimal(0),
            executed_at=datetime.fromisoformat(f"{event['date']}T16:00+00:00"),
        )  # fmt: skip
        booking = book_fill(fill, lots)
        lots, disposals = booking.lots, (*disposals, *booking.disposals)
    return lots, disposals


@pytest.mark.parametrize("number", range(7), ids=lambda n: f"PS{n + 1}")
def test_r06_what_can_wait_waits_and_a_way_out_goes_with_its_flag(number):
    case = oracle("wash_sale_prevention.json")["cases"][number]
    proposal, verdict = case["proposal"], case["expected"]["verdict"]
    lots, disposals = lots_and_disposals(case["history"])
    desk = a_desk(
        session_on=date.fromisoformat(proposal["date"]),
        prices={"NVDA": float(proposal["price"])},
        held={"NVDA": sum((lot.quantity for lot in lots), Decimal(0))},
        sale_outlook=lambda symbol, shares, price: sale_outlook(
            sale_now(BOOK, symbol, shares, Decimal(price), date.fromisoformat(proposal["date"])), lots, disposals
        ),
        wash_until=washing(disposals, {"NVDA": lots}),
    )
    quantity = Decimal(proposal["qty"])
    if proposal["side"] == "BUY":
        entry = an_order(quantity=quantity, limit_price=Decimal(proposal["price"]))
        assert [v.code for v in vet([entry], desk, LIMITS)[1]] == (["WASH_BLOCK"] if verdict == "block" else [])
    else:
        # A protection that fills at the broker is never judged; what the desk decides is.
        for purpose in OrderPurpose.RULE_EXIT, OrderPurpose.REBALANCE, OrderPurpose.TRIM, OrderPurpose.EXIT:
            passed, vetoes = vet([an_exit(quantity=quantity, purpose=purpose)], desk, LIMITS)
            is_washing = verdict != "allow"
            if purpose is OrderPurpose.EXIT:
                assert (passed[0].detail or "").startswith("WASH_FLAG") == is_washing
            else:
                assert [v.code for v in vetoes] == (["WASH_SALE"] if is_washing else [])
        if "disallowed" in case["expected"]:
            (denial,) = vet([an_exit(quantity=quantity, purpose=OrderPurpose.REBALANCE)], desk, LIMITS)[1][0].denials
            assert denial.observed == float(case["expected"]["disallowed"])
            if (clean_on := case["expected"].get("first_clean_calendar_day")) is not None:
                assert clean_on in denial.detail


def test_a_gain_so_small_that_its_fill_may_be_a_loss_waits_as_well():
    """A market order fills under the last price now and then, and pays its commission."""
    lots, disposals = lots_and_disposals(
        [
            {"date": "2025-03-03", "type": "BUY", "qty": "10", "price": "100", "id": "old"},
            {"date": "2025-03-20", "type": "BUY", "qty": "10", "price": "90", "id": "new"},
        ]
    )
    for price, is_washing in (101.0, True), (104.0, False):
        desk = a_desk(
            session_on=date(2025, 3, 21),
            prices={"NVDA": price},
            held={"NVDA": Decimal(20)},
            sale_outlook=lambda symbol, shares, at: sale_outlook(
                sale_now(BOOK, symbol, shares, Decimal(at), date(2025, 3, 21)), lots, disposals
            ),
        )
        trim = an_exit(quantity=Decimal(10), purpose=OrderPurpose.TRIM)
        denied = [d for veto in vet([trim], desk, LIMITS)[1] for d in veto.denials]
        assert [d.code for d in denied] == (["WASH_SALE"] if is_washing else [])
        assert all("might come to be" in d.detail for d in denied)
