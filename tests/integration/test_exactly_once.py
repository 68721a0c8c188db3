"""Ids and decisions: taken ids are renewed, an operator's decision obeys the same protocol."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from trading.domain.decisions import Decision, DecisionKind, decision_id_for
from trading.domain.orders import OrderEvent, OrderPurpose, OrderStatus
from trading.domain.portfolio import TradingState
from trading.domain.signals import Targets
from trading.execution.planner import PlanTerms, plan_sale
from trading.ports import Services, Sources
from trading.tasks.execute import send_operator_decision

from tests.fakes import FakeBroker, FixedClock, ny
from tests.integration.order_desk import BOOK, CALENDAR, SPEC, Desk

AT = "2019-06-03 10:30"
NOW = ny(AT) + timedelta(minutes=1)


class TakenIds(FakeBroker):
    """A broker whose first submission meets ids that somebody used since the snapshot."""

    tries = 0

    def submit(self, family):
        self.tries += 1
        if self.tries > 1:
            return super().submit(family)
        self.next_order_id = family[-1].reserved_id + 10
        words = "103 Duplicate order id"
        return tuple(OrderEvent(leg.order.order_id, OrderStatus.REJECTED, self.at, detail=words) for leg in family)


def a_desk(store, broker: FakeBroker) -> Desk:
    desk = Desk(Services(store, CALENDAR, FixedClock(NOW), Sources(), broker), broker)
    desk.sync(AT)
    return desk


def an_exit(desk: Desk, quantity: int = 99) -> str:
    """Store an operator's decision to sell."""
    decision_id = decision_id_for(BOOK, DecisionKind.OPERATOR, NOW)
    decision = Decision(
        decision_id, BOOK, DecisionKind.OPERATOR, NOW, NOW, NOW.date(), False, SPEC.name, SPEC.spec_hash, "test",
        "0" * 16, None, "flatten: test",
    )  # fmt: skip
    terms = PlanTerms(BOOK, decision_id, NOW, 0.005, 0.12, 0.25)
    sale = plan_sale(terms, "NVDA", Decimal(quantity), OrderPurpose.EXIT, at_open=False)
    with desk.services.store.transaction() as tx:
        tx.decisions.add(decision, (), Targets(NOW, 0.0, {}), [sale])
    return decision_id


def entered(store) -> Desk:
    desk = a_desk(store, FakeBroker(NOW, {"NVDA": Decimal(100)}))
    desk.enter(AT)
    desk.execute(AT)
    assert desk.held() == {"NVDA": Decimal(99)}
    return desk


def test_ids_that_were_taken_are_renewed_after_a_look_that_shows_nothing(store) -> None:
    desk = a_desk(store, TakenIds(NOW, {"NVDA": Decimal(100)}))
    legs = desk.enter(AT)
    assert desk.execute(AT).counts["sent"] == 3
    assert desk.status(*legs) == [OrderStatus.FILLED, OrderStatus.SUBMITTED, OrderStatus.SUBMITTED]
    assert sorted(o.api_order_id for o in desk.gateway.orders.values()) == [13, 14, 15]
    desk.execute(AT)
    assert (desk.gateway.tries, len(desk.gateway.orders)) == (2, 3)


def test_an_operators_exit_takes_the_protection_away_sells_once_and_can_be_repeated(store) -> None:
    desk = entered(store)
    decision_id = an_exit(desk)
    for sent in (1, 0):
        report = send_operator_decision(desk.services, SPEC, BOOK, decision_id)
        assert report.counts["sent"] == sent
    assert desk.held() == {}
    assert {o.status for o in desk.gateway.orders.values()} == {OrderStatus.FILLED, OrderStatus.CANCELLED}


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.LOCKED])
def test_an_operators_exit_waits_for_a_book_that_may_reduce(store, state) -> None:
    desk = entered(store)
    decision_id = an_exit(desk)
    with store.transaction() as tx:
        tx.controls.set_state(BOOK, state, reason="test", actor="test")
    assert send_operator_decision(desk.services, SPEC, BOOK, decision_id).counts["sent"] == 0
    assert desk.held() == {"NVDA": Decimal(99)}


def test_an_operators_decision_is_not_sent_when_half_an_hour_has_passed(store) -> None:
    desk = entered(store)
    decision_id = an_exit(desk)
    desk.gateway.at = NOW + timedelta(minutes=31)
    report = send_operator_decision(desk.services, SPEC, BOOK, decision_id)
    assert report.counts["sent"] == 0
    assert "its time to be sent ended" in report.notes[-1]


def test_an_older_operators_decision_is_not_sent(store) -> None:
    desk = entered(store)
    report = send_operator_decision(desk.services, SPEC, BOOK, "operator.20190603T140000.paper:X")
    assert "not the newest" in report.notes[0]
