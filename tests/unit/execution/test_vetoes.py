"""What orders of one batch do to one another, and what a protection does to its entry."""

from __future__ import annotations

from decimal import Decimal

import pytest
from trading.domain.orders import OrderPurpose
from trading.execution.checks import Applies, Breach, Check
from trading.execution.vetoes import vet

from tests.builders import an_order
from tests.unit.execution.desks import LIMITS, a_desk, a_stop, an_exit


def outcome(orders, **desk):
    passed, vetoes = vet(orders, a_desk(**desk), LIMITS)
    return [o.symbol for o in passed], [(v.order.symbol, v.code) for v in vetoes]


def test_a_sound_entry_passes_untouched():
    order = an_order()
    assert vet([order], a_desk(), LIMITS) == ((order,), ())


def test_each_entry_counts_for_the_next_one():
    orders = [an_order(), an_order(symbol="AAPL")]
    assert outcome(orders, cash_usd=Decimal(3_500)) == (["NVDA"], [("AAPL", "NO_CASH")])


def test_a_denied_entry_spends_nothing():
    orders = [an_order(limit_price=Decimal("110.00")), an_order(symbol="AAPL")]
    assert outcome(orders, cash_usd=Decimal(3_500)) == (["AAPL"], [("NVDA", "PRICE_COLLAR")])


def test_each_denied_order_of_a_batch_has_its_veto():
    orders = [an_order(limit_price=Decimal("110.00")), an_order(), an_order(symbol="AMD", quantity=Decimal("1.5"))]
    assert outcome(orders) == (["NVDA"], [("NVDA", "PRICE_COLLAR"), ("AMD", "BAD_QTY")])


def test_only_the_checks_that_were_asked_for_judge_and_flags_are_noted_in_their_order():
    flags = [Check(code, Applies.ALL, lambda *_: Breach("noted"), is_flag=True) for code in ("ONE", "TWO")]
    (passed,), vetoes = vet([an_order(limit_price=Decimal("110.00"))], a_desk(), LIMITS, tuple(flags))
    assert (passed.detail, vetoes) == ("ONE: noted; TWO: noted", ())


def test_a_protection_that_waits_for_its_entry_is_judged_by_the_checks_of_every_leg_alone():
    entry = an_order()
    for applies, denied in (Applies.ALL, 0), (Applies.ENTRY, 0), (Applies.EVERY_LEG, 2):
        check = Check("NO_STOP", applies, lambda order, *_: Breach("a stop") if order.is_protective else None)
        assert len(vet([entry, a_stop(entry)], a_desk(), LIMITS, (check,))[1]) == denied


def test_a_sleeve_fills_up_within_one_batch():
    orders = [an_order(symbol=s, quantity=Decimal(99)) for s in ("NVDA", "AMD")]
    passed, denied = outcome(orders, held={"AMD": Decimal(0), "NVDA": Decimal(0)}, on_order_usd={"AMD": 25_000.0})
    assert passed == ["NVDA"]
    assert denied[0][0] == "AMD"


def test_turnover_adds_up_within_one_batch():
    orders = [an_order(symbol=s, quantity=Decimal(98)) for s in ("NVDA", "AMD", "AAPL", "MSFT", "GLD")]
    passed, denied = outcome(orders)
    assert passed == ["NVDA", "AMD", "AAPL", "MSFT"]
    assert denied == [("GLD", "DAILY_LIMIT")]


def test_two_sales_never_exceed_the_position_together():
    held = {"NVDA": Decimal(15)}
    sales = [an_exit(purpose=OrderPurpose.TRIM), an_exit()]
    assert outcome(sales, held=held) == (["NVDA"], [("NVDA", "WOULD_SHORT")])
    assert outcome([an_exit()], held=held, leaving={"NVDA": Decimal(6)})[1] == [("NVDA", "WOULD_SHORT")]


def test_the_same_thing_is_done_once_in_a_batch():
    twice = [an_exit(quantity=Decimal(5)), an_exit(quantity=Decimal(5), leg=3)]
    assert outcome(twice, held={"NVDA": Decimal(10)}) == (["NVDA"], [("NVDA", "DUPLICATE")])
    assert outcome([an_order(), an_order()])[1][0][1] == "DUPLICATE"


def test_the_twenty_first_order_of_a_day_waits_for_tomorrow():
    assert outcome([an_order(), an_order(symbol="AAPL")], orders_today=19) == (["NVDA"], [("AAPL", "DAILY_LIMIT")])


def test_protection_falls_with_its_entry_which_keeps_the_denials():
    entry = an_order(quantity=Decimal(500))
    vetoes = vet([entry, a_stop(entry)], a_desk(), LIMITS)[1]
    assert [v.code for v in vetoes] == ["MAX_NOTIONAL", "MAX_NOTIONAL"]
    assert [len(v.denials) > 0 for v in vetoes] == [True, False]
    assert {v.order.detail for v in vetoes} == {vetoes[0].order.detail}


@pytest.mark.parametrize("broken", [{"trail_frac": float("nan")}, {"trail_frac": None}, {"quantity": Decimal("NaN")}])
def test_an_entry_falls_with_a_protection_that_could_not_guard_it(broken):
    entry = an_order()
    passed, vetoes = vet([entry, a_stop(entry, **broken)], a_desk(), LIMITS)
    assert passed == ()
    assert {v.code for v in vetoes} <= {"BAD_PRICE", "BAD_QTY"}
    assert vetoes[0].denials
