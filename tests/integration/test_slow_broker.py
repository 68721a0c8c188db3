"""A real broker takes its time: a cancellation that is under way, positions that lag, orders that it holds back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from trading.domain.orders import DONE, OrderEvent, OrderPurpose, OrderStatus
from trading.errors import BrokerRefused, TransientError
from trading.ports import External
from trading.tasks.flatten import decide_to_flatten
from trading.tasks.kill_switch import DISCRETIONARY, sweep

from tests.fakes import FakeBroker, ny
from tests.integration.order_desk import BOOK, SPEC, desk_with

FIRST, SECOND, THIRD = "2019-06-03 10:30", "2019-06-03 11:30", "2019-06-03 12:30"


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
    return desk_with(store, broker, monkeypatch, FIRST)


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


def test_an_exit_whose_stop_sold_meanwhile_never_sells_a_strangers_shares(desk, broker, monkeypatch) -> None:
    _, stop, _ = desk.enter(FIRST)
    desk.execute(FIRST)
    with desk.services.store.transaction() as tx:
        external = External("x.1", "NVDA", Decimal(200), Decimal(0), ny(FIRST))
        tx.reconciliations.add_external(BOOK, external, reason="r", actor="a")
    broker.positions["NVDA"] += 200
    desk.sync(SECOND)
    sale = desk.sell(SECOND, 99)
    cancel = broker.cancel

    def race(reserved_ids):
        if broker.orders[stop.order_id].status not in DONE:
            broker.fill(stop.order_id, Decimal(99), Decimal(88))
        cancel(reserved_ids)

    monkeypatch.setattr(broker, "cancel", race)
    desk.execute(SECOND)
    assert broker.positions == {"NVDA": Decimal(200)}
    assert desk.status(sale) == [OrderStatus.CANCELLED]


def test_a_trim_waits_while_a_stop_that_began_to_sell_still_works(desk, broker, monkeypatch) -> None:
    _, stop, _ = desk.enter(FIRST)
    desk.execute(FIRST)
    desk.sync(SECOND)
    trim = desk.sell(SECOND, 40, OrderPurpose.TRIM)
    submit = broker.submit

    def race(family):
        if family[0].order.is_protective and broker.orders[stop.order_id].filled_quantity == 0:
            broker.fill(stop.order_id, Decimal(50), Decimal(88))
            return tuple(broker._event(leg.order.order_id) for leg in family)
        return submit(family)

    monkeypatch.setattr(broker, "submit", race)
    with pytest.raises(TransientError, match="could not be reduced yet"):
        desk.execute(SECOND)
    assert trim.order_id not in broker.orders


def test_an_exit_takes_back_a_stop_that_we_held_for_cancelled(desk, broker, monkeypatch) -> None:
    _, stop, target = desk.enter(FIRST)
    desk.execute(FIRST)
    with desk.services.store.transaction() as tx:
        for order in (stop, target):
            tx.orders.record(order, OrderEvent(order.order_id, OrderStatus.CANCELLED, broker.at))
    desk.sync(SECOND)
    assert guards(broker) == both(99), "the broker works them whatever we believed"
    sale = desk.sell(SECOND, 99)
    beside, submit = [], broker.submit
    monkeypatch.setattr(broker, "submit", lambda family: beside.append(guards(broker)) or submit(family))
    desk.execute(SECOND)
    assert desk.status(sale) == [OrderStatus.FILLED]
    assert beside == [[]], "nothing sells beside the exit"


def test_a_protection_that_cannot_be_taken_back_keeps_no_other_symbol_unguarded(desk, broker) -> None:
    nvda = desk.enter(FIRST)
    desk.execute(FIRST)
    desk.sync(SECOND)
    aapl = desk.enter(SECOND, "AAPL")
    desk.execute(SECOND)
    broker.put(nvda[1].order_id, status=OrderStatus.CANCELLED)
    for leg in aapl[1:]:
        broker.put(leg.order_id, status=OrderStatus.CANCELLED)
    broker.never_cancels = frozenset({"NVDA"})
    desk.sync(THIRD)
    assert guards(broker, "NVDA") == [("target", Decimal(99))], "nothing new beside what still works"
    assert guards(broker, "AAPL") == both(99)


def test_an_exit_that_the_broker_holds_back_is_taken_back_and_the_position_guarded(desk, broker) -> None:
    desk.enter(FIRST)
    desk.execute(FIRST)
    desk.sync(SECOND)
    broker.prices = {}
    sale = desk.sell(SECOND, 99)
    desk.execute(SECOND)
    broker.put(sale.order_id, status=OrderStatus.UNKNOWN)
    desk.sync(THIRD)
    assert guards(broker) == both(99)


def test_an_execution_that_comes_after_its_order_was_filled_costs_no_protection(desk, broker) -> None:
    desk.enter(FIRST)
    late, snapshot = [], broker.snapshot

    def without_fills(book):
        late.append(found := snapshot(book))
        return replace(found, fills=())

    broker.snapshot = without_fills
    desk.execute(FIRST)
    assert guards(broker) == both(99)
    broker.snapshot = snapshot
    desk.sync(SECOND)
    assert desk.held() == {"NVDA": Decimal(99)}
    assert guards(broker) == both(99)


def test_an_exit_that_is_refused_on_the_way_leaves_the_position_guarded(desk, broker, monkeypatch) -> None:
    desk.enter(FIRST)
    desk.execute(FIRST)
    desk.sync(SECOND)
    desk.sell(SECOND, 99)
    submit = broker.submit

    def refuse(family):
        if family[0].order.purpose is OrderPurpose.EXIT:
            raise BrokerRefused("not this one; look at TWS")
        return submit(family)

    monkeypatch.setattr(broker, "submit", refuse)
    with pytest.raises(BrokerRefused):
        desk.execute(SECOND)
    assert guards(broker) == both(99)


def test_flatten_sells_what_was_bought_since_the_last_look(desk, broker) -> None:
    broker.part_filled = {"NVDA": Decimal(40)}
    entry, *_ = desk.enter(FIRST)
    desk.execute(FIRST)
    broker.fill(entry.order_id, Decimal(59), Decimal(100))
    assert desk.held() == {"NVDA": Decimal(40)}, "nobody looked since the rest filled"
    decision = decide_to_flatten(desk.services, SPEC, BOOK, reason="test")
    assert decision is not None
    with desk.services.store.transaction() as tx:
        assert [o.quantity for o in tx.orders.of_decision(decision.decision_id)] == [Decimal(99)]


def test_a_halt_keeps_the_protection_of_a_position_that_shows_late(desk, broker) -> None:
    desk.enter(FIRST)
    desk.execute(FIRST)
    held, lags = dict(broker.positions), iter([True])
    shows = broker.snapshot

    def lagging(book):
        return replace(shows(book), positions={} if next(lags, False) else held)

    broker.snapshot = lagging
    left = sweep(broker, BOOK, DISCRETIONARY)
    assert left.is_safe
    assert guards(broker) == both(int(held["NVDA"]))
