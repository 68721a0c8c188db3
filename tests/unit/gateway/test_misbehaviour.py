"""Faults per message, standing behaviour, and the commands that set them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from trading.gateway.behaviour import Behaviour, CommissionTiming, Draws
from trading.gateway.commands import COMMANDS
from trading.gateway.events import OrderMessage
from trading.gateway.faults import Fault, Faults, Rule
from trading.gateway.records import CashKind, Status
from trading.gateway.server import Gateway

from tests.unit.gateway.paper import CLIENT, FLAT, a_market_order, a_ticket, broker_on, place_bracket, statuses


@pytest.fixture
def gateway() -> Gateway:
    return Gateway(broker_on(FLAT))


def tell(gateway: Gateway, cmd: str, **arguments: object) -> dict:
    return COMMANDS[cmd](gateway, {"cmd": cmd, **arguments})


def test_a_rule_fires_as_often_as_asked_after_those_that_pass() -> None:
    faults = Faults([Rule(3, Fault.DROP, skip=1, times=2)])
    fired = [faults.take(3) is not None for _ in range(5)]
    assert (fired, faults.rules) == ([False, True, True, False, False], [])


def test_rules_of_other_messages_do_not_fire() -> None:
    assert Faults([Rule(-5, Fault.DROP)]).take(3) is None


def test_the_same_seed_swallows_the_same_placements() -> None:
    draws = [Draws(Behaviour(swallow_frac=0.3, seed=5)) for _ in range(2)]
    first, second = ([d.swallows_next() for _ in range(200)] for d in draws)
    assert first == second
    assert 30 < sum(first) < 90


def test_nothing_is_swallowed_by_default() -> None:
    assert not any(Draws(Behaviour()).swallows_next() for _ in range(100))


@pytest.mark.parametrize(
    ("timing", "seconds"), [(CommissionTiming.ON_TIME, 0), (CommissionTiming.LATE, 2), (CommissionTiming.MISSING, None)]
)
def test_a_commission_comes_at_once_late_or_never(timing: CommissionTiming, seconds: float | None) -> None:
    assert Behaviour(commission=timing, commission_delay_seconds=2).commission_wait_seconds() == seconds


def test_behave_replaces_the_whole_behaviour_and_refuses_nonsense(gateway: Gateway) -> None:
    tell(gateway, "behave", hold_orders_seconds=0.05, swallow_frac=0.03, seed=5, commission="missing")
    tell(gateway, "behave", duplicate_messages=True)
    assert gateway.behaviour == Behaviour(duplicate_messages=True)
    for wrong in ({"swallow_frac": 2}, {"commission": "soon"}):
        with pytest.raises(ValueError, match=r"swallow_frac|soon"):
            tell(gateway, "behave", **wrong)
    with pytest.raises(TypeError):
        tell(gateway, "behave", colour="red")


def test_a_cap_is_set_and_lifted(gateway: Gateway) -> None:
    tell(gateway, "partial", symbol="NVDA", shares=4)
    gateway.broker.place(CLIENT, a_market_order())
    assert gateway.broker.state.orders[0].filled == 4
    tell(gateway, "partial", symbol="NVDA", shares=None)
    assert gateway.broker.state.fill_caps == {}


def test_a_quote_is_scripted_and_cleared(gateway: Gateway) -> None:
    tell(gateway, "quote", symbol="NVDA", bid=99.9, ask="100.1", last=100, is_delayed=True, is_halted=None)
    quote = gateway.broker.state.quotes["NVDA"]
    assert (quote.bid, quote.ask, quote.is_delayed, quote.is_halted) == (Decimal("99.9"), Decimal("100.1"), True, None)
    tell(gateway, "quote", symbol="NVDA", bid=None, ask=None, last=None)
    assert gateway.broker.state.quotes == {}


@pytest.mark.parametrize("wrong", [{"symbol": "NOPE", "last": 1}, {"symbol": "NVDA", "last": "nan"}])
def test_a_quote_that_makes_no_sense_is_refused(gateway: Gateway, wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"listed|finite"):
        tell(gateway, "quote", **wrong)


def test_splits_dividends_and_cash_come_on_command(gateway: Gateway) -> None:
    gateway.broker.place(CLIENT, a_market_order())
    tell(gateway, "dividend", symbol="NVDA", per_share=0.5)
    tell(gateway, "split", symbol="NVDA", ratio=2)
    tell(gateway, "cash", amount_usd="-3.50", kind="fee", text="market data")
    state = gateway.broker.state
    assert state.holdings["NVDA"].quantity == 20
    assert [(i.kind, i.amount_usd) for i in state.cash_items] == [
        (CashKind.DIVIDEND, Decimal("5.00")), (CashKind.FEE, Decimal("-3.50")),
    ]  # fmt: skip


def test_a_foreign_order_is_made_by_hand(gateway: Gateway) -> None:
    answer = tell(
        gateway, "foreign_order", symbol="NVDA", side="BUY", quantity=3, order_type="LMT", limit_price="95.00"
    )
    (order,) = gateway.broker.live()
    assert (order.client_id, order.ticket.order_ref, answer["perm_id"]) == (0, "", order.perm_id)


def test_rejections_and_messages_come_on_command(gateway: Gateway) -> None:
    tell(gateway, "reject", code=201, text="no", times=2)
    for order_id in (1, 2, 3):
        gateway.broker.place(CLIENT, a_ticket(order_id, limit_price=Decimal("95.00")))
    assert statuses(gateway.broker) == [Status.INACTIVE, Status.INACTIVE, Status.SUBMITTED]
    gateway.broker.take_events()
    gateway.broker.say(CLIENT, 3, 10349, "preset")
    assert [type(e) for e in gateway.broker.take_events()] == [OrderMessage]


def test_the_log_lists_each_accepted_order_and_each_execution(gateway: Gateway) -> None:
    place_bracket(gateway.broker)
    log = tell(gateway, "log")
    assert [(p["order_id"], p["order_ref"], p["client_id"]) for p in log["placements"]] == [
        (1, "ref1", 11), (2, "ref2", 11), (3, "ref3", 11),
    ]  # fmt: skip
    assert [(e["order_ref"], e["quantity"], e["symbol"]) for e in log["executions"]] == [("ref1", "10", "NVDA")]
