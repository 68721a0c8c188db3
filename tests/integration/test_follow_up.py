"""Entries that rest unfilled at a real broker: repriced under the same id, never above the decision's worst price."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from trading.domain.market import Quote
from trading.domain.orders import OrderStatus
from trading.execution.repricing import RepricePolicy
from trading.ports import Services, Sources
from trading.tasks import execute as executing

from tests.fakes import FakeBroker, FixedClock, ny
from tests.integration.order_desk import CALENDAR, Desk

AT = "2019-06-03 10:30"


class RestingBroker(FakeBroker):
    """A real broker on which an entry rests until its limit reaches `fills_at`; it keeps the limits that it saw."""

    fills_at = Decimal(1000)

    def submit(self, family):
        self.__dict__.setdefault("limits", []).append(family[0].order.limit_price)
        events = super().submit(family)
        entry = family[0].order
        if entry.side == "BUY" and entry.limit_price >= self.fills_at:
            self.fill(entry.order_id, entry.quantity, entry.limit_price)
        return events


@pytest.fixture
def desk(store, monkeypatch):
    monkeypatch.setattr(executing, "REPRICING", RepricePolicy(count=2, wait_seconds=0.0))
    at = ny(AT) + timedelta(minutes=1)
    quote = Quote("NVDA", Decimal("99.90"), Decimal("100.10"), Decimal(100), at, is_delayed=False, is_halted=False)
    broker = RestingBroker(at, is_simulated=False, quoted={"NVDA": quote})
    desk = Desk(Services(store, CALENDAR, FixedClock(at), Sources(), broker), broker)
    desk.sync(AT)
    return desk


def limits(desk: Desk) -> list[Decimal]:
    return desk.gateway.__dict__["limits"]


def test_an_unfilled_entry_climbs_to_the_worst_price_and_no_further(desk) -> None:
    entry, *_ = desk.enter(AT)
    report = desk.execute(AT)
    assert limits(desk) == [Decimal("100.00"), Decimal("100.25"), entry.limit_price]
    assert len(desk.gateway.orders) == 3, "the same order, under the same id"
    assert desk.status(entry) == [OrderStatus.SUBMITTED]
    assert any("repriced to 100.25" in note for note in report.notes)


def test_an_entry_that_fills_on_the_way_is_left_alone(desk) -> None:
    desk.gateway.fills_at = Decimal("100.20")
    entry, *_ = desk.enter(AT)
    desk.execute(AT)
    assert limits(desk) == [Decimal("100.00"), Decimal("100.25")]
    assert desk.status(entry) == [OrderStatus.FILLED]


def test_a_retry_of_the_task_sends_no_second_order(desk) -> None:
    desk.enter(AT)
    for _ in range(2):
        desk.execute(AT)
    assert len(desk.gateway.orders) == 3


def test_at_a_simulated_broker_the_worst_price_is_sent_at_once(desk) -> None:
    desk.gateway.is_simulated = True
    entry, *_ = desk.enter(AT)
    desk.execute(AT)
    assert limits(desk) == [entry.limit_price]


def test_a_reprice_without_an_answer_parks_nothing(desk) -> None:
    entry, *_ = desk.enter(AT)
    send = desk.gateway.submit

    def silent_from_the_second_on(family):
        desk.gateway.is_silent = "limits" in desk.gateway.__dict__
        return send(family)

    desk.gateway.submit = silent_from_the_second_on
    report = desk.execute(AT)
    assert desk.status(entry) == [OrderStatus.SUBMITTED]
    assert any("no acknowledgement" in note for note in report.notes)
