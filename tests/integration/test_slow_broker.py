"""A real broker takes its time: a cancellation that is under way, positions that lag, orders that it holds back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from trading.domain.orders import DONE, OrderStatus
from trading.ports import Services, Sources
from trading.tasks import submission

from tests.fakes import FakeBroker, FixedClock, ny
from tests.integration.order_desk import CALENDAR, Desk

FIRST, SECOND = "2019-06-03 10:30", "2019-06-03 11:30"


@dataclass
class SlowBroker(FakeBroker):
    """A broker whose cancellations are confirmed only by a later look.

    Attributes:
        looks_to_cancel: snapshots for which an order still works after its cancellation was asked for.
        never_cancels: symbols whose orders are never taken back.
    """

    looks_to_cancel: int = 0
    never_cancels: frozenset[str] = frozenset()
    going: dict[str, int] = field(default_factory=dict)

    def cancel(self, reserved_ids):
        for ref, order in self.orders.items():
            is_meant = order.api_order_id in reserved_ids and order.status not in DONE
            if is_meant and order.symbol not in self.never_cancels:
                self.going.setdefault(ref, self.looks_to_cancel)

    def snapshot(self, book):
        for ref, looks in list(self.going.items()):
            if self.orders[ref].status in DONE or looks > 0:
                self.going[ref] = looks - 1
                continue
            self.orders[ref] = replace(self.orders[ref], status=OrderStatus.CANCELLED)
            del self.going[ref]
        return super().snapshot(book)

    def put(self, ref: str, **what) -> None:
        """Let the broker's own hand change an order."""
        self.orders[ref] = replace(self.orders[ref], **what)


@pytest.fixture
def broker():
    prices = {"NVDA": Decimal(100), "AAPL": Decimal(100)}
    return SlowBroker(ny(FIRST) + timedelta(minutes=1), prices, is_simulated=True)


@pytest.fixture
def desk(store, broker, monkeypatch):
    monkeypatch.setattr(submission, "CANCEL_PAUSE_SECONDS", 0.0)
    ready = Desk(Services(store, CALENDAR, FixedClock(broker.at), Sources(), broker), broker)
    ready.sync(FIRST)
    return ready


def guards(broker: SlowBroker, symbol: str = "NVDA") -> list[tuple[str, Decimal]]:
    """What sells at the broker without a person's hand, as (purpose, shares)."""
    live = [(ref, o) for ref, o in broker.orders.items() if o.symbol == symbol and o.status not in DONE]
    return sorted((ref.split(".")[1], o.quantity - o.filled_quantity) for ref, o in live if o.side == "SELL")


def both(shares: int) -> list[tuple[str, Decimal]]:
    return [("stop", Decimal(shares)), ("target", Decimal(shares))]


def test_an_exit_waits_until_its_protection_is_gone_and_then_goes(desk, broker) -> None:
    desk.enter(FIRST)
    desk.execute(FIRST)
    desk.sync(SECOND)
    broker.looks_to_cancel = 3
    sale = desk.sell(SECOND, 99)
    desk.execute(SECOND)
    assert desk.status(sale) == [OrderStatus.FILLED]
    assert broker.positions == {"NVDA": Decimal(0)}
    assert guards(broker) == []
