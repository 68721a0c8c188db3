"""A complete list that lacks an order which works: what the desk concludes, and how it takes that back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from trading.domain.market import Quote
from trading.domain.orders import DONE, OPEN, OrderPurpose, OrderStatus
from trading.domain.portfolio import TradingState
from trading.tasks.reconcile import reconcile
from trading.tasks.sending import make_room
from trading.tasks.submission import Submission

from tests.fakes import FakeBroker, ny
from tests.integration.order_desk import BOOK, SPEC, Desk, desk_on, desk_with, slot
from tests.integration.reconcile_desk import answers

FIRST, SECOND, THIRD, FOURTH = (f"2019-06-03 {hour}:30" for hour in (10, 11, 12, 13))
ALWAYS = 99
OPEN_ORDER = -5
"""The gateway's message about one open order."""
WORKS, OVER = OrderStatus.SUBMITTED, OrderStatus.CANCELLED


@dataclass
class ForgetfulBroker(FakeBroker):
    """A broker whose complete lists lack orders that work.

    Attributes:
        hidden: for how many more looks an order is not listed.
        loses_cancellations: whether a cancellation has no effect.
        is_cut_off: whether the gateway is without the broker while it answers.
        most: shares that it ever worked to sell beside one another as stops.
    """

    hidden: dict[str, int] = field(default_factory=dict)
    loses_cancellations: bool = False
    is_cut_off: bool = False
    most: Decimal = Decimal(0)

    def snapshot(self, book):
        found = super().snapshot(book)
        listed = tuple(o for o in found.orders if self.hidden.get(o.order_ref or "", 0) <= 0)
        self.hidden = {ref: looks - 1 for ref, looks in self.hidden.items()}
        return replace(found, orders=listed, may_lack_orders=self.is_cut_off)

    def submit(self, family):
        events = super().submit(family)
        self.most = max(self.most, sum((shares for _, shares in stops(self)), Decimal(0)))
        return events

    def cancel(self, reserved_ids):
        if not self.loses_cancellations:
            super().cancel(reserved_ids)

    def hide(self, *orders, looks: int = ALWAYS) -> None:
        self.hidden = {order.order_id: looks for order in orders}


def works(broker: ForgetfulBroker, purpose: str) -> list[tuple[str, Decimal]]:
    live = [(ref, o) for ref, o in broker.orders.items() if o.status not in DONE]
    return [(ref, o.quantity - o.filled_quantity) for ref, o in live if ref.split(".")[1] == purpose]


def stops(broker: ForgetfulBroker) -> list[tuple[str, Decimal]]:
    return works(broker, "stop")


@pytest.fixture
def broker():
    prices = {"NVDA": Decimal(100), "AAPL": Decimal(100)}
    return ForgetfulBroker(ny(FIRST) + timedelta(minutes=1), prices, is_simulated=True)


@pytest.fixture
def desk(store, broker, monkeypatch):
    return desk_with(store, broker, monkeypatch, FIRST)


@pytest.fixture
def ask(database_url):
    return answers(database_url)


@pytest.fixture
def guarded(desk):
    """The stop and the target of 99 NVDA."""
    _, *guards = desk.enter(FIRST)
    desk.execute(FIRST)
    return guards


def put(desk: Desk, state: TradingState) -> None:
    with desk.services.store.transaction() as tx:
        tx.controls.set_state(BOOK, state, reason="test", actor="test")


def breaks(desk: Desk) -> list[str]:
    with desk.services.store.transaction() as tx:
        return [b.difference.kind.value for b in tx.reconciliations.breaks(BOOK)]


def test_an_order_that_a_list_lacked_and_the_next_one_shows_works_again(desk, broker, guarded, ask) -> None:
    broker.hide(*guarded, looks=1)
    desk.sync(SECOND)
    assert desk.status(*guarded) == [WORKS] * 2
    assert stops(broker) == [(guarded[0].order_id, Decimal(99))], "no second stop was sent"
    stop = guarded[0].order_id
    said = ask(f"SELECT status, is_inferred FROM desk.order_events WHERE order_id = '{stop}' ORDER BY event_id")
    assert said[-2:] == [("cancelled", True), ("submitted", False)]
    assert ask(f"SELECT state FROM desk.intents WHERE order_id = '{stop}'") == [("ACKED",)]
    noted = ask(
        "SELECT detail ->> 'order', detail ->> 'from', detail ->> 'to' FROM ops.audit WHERE action = 'order_back'"
    )
    assert sorted(noted) == sorted((o.order_id, "cancelled", "submitted") for o in guarded)
    assert ask("SELECT count(*) FROM ops.outbox WHERE dedupe_key LIKE 'order_back:%'") == [(2,)]
    assert not desk.sync(THIRD).degraded
    assert reconcile(desk.services, SPEC, BOOK, slot(THIRD)).counts["differences"] == 0
    assert ask("SELECT count(*) FROM ops.audit WHERE action = 'order_back'") == [(2,)], "it came back once"


def test_a_stop_that_no_list_shows_is_called_back_before_another_takes_its_place(desk, broker, guarded) -> None:
    broker.hide(*guarded)
    desk.sync(SECOND)
    ((new, shares),) = stops(broker)
    assert (new != guarded[0].order_id, shares) == (True, Decimal(99))
    assert broker.most == 99, "never two stops beside one another"
    assert len(works(broker, "target")) == 1


def test_two_stops_that_work_are_made_one_and_sell_no_more_than_is_held(desk, broker, guarded) -> None:
    broker.hide(*guarded)
    broker.loses_cancellations = True
    desk.sync(SECOND)
    assert len(stops(broker)) == 2, "the list and the cancellation both failed"
    broker.hidden, broker.loses_cancellations = {}, False
    desk.sync(THIRD)
    ((kept, shares),) = stops(broker)
    assert (kept != guarded[0].order_id, shares) == (True, Decimal(99)), "the newer one, for what is held"
    assert desk.status(*guarded) == [OVER] * 2
    assert breaks(desk) == []
    assert not desk.sync(FOURTH).degraded


def test_a_stop_that_nobody_lists_never_sells_beside_an_exit(desk, broker, guarded) -> None:
    put(desk, TradingState.LOCKED)
    broker.hide(*guarded)
    desk.sync(SECOND)
    assert desk.status(*guarded) == [OVER] * 2
    put(desk, TradingState.ACTIVE)
    sale, store = desk.sell(SECOND, 99), desk.services.store
    with store.order_writer(BOOK) as epoch, broker.connect() as line:
        # No protection took its place yet: one that waits under reserved ids may keep it back.
        assert make_room(Submission(store, line, BOOK, epoch), sale)
    assert (stops(broker), works(broker, "target")) == ([], [])
    desk.execute(SECOND)
    assert (desk.status(sale), broker.positions) == ([OrderStatus.FILLED], {"NVDA": Decimal(0)})


def test_a_stop_that_came_back_and_sells_is_booked_once(desk, broker, guarded) -> None:
    stop, target = guarded
    broker.hide(stop, target, looks=1)
    desk.sync(SECOND)
    broker.fill(stop.order_id, Decimal(40), Decimal(88))
    desk.sync(THIRD)
    assert desk.status(stop) == [OrderStatus.PARTIALLY_FILLED]
    broker.fill(stop.order_id, Decimal(59), Decimal(88))
    desk.sync(FOURTH)
    assert desk.status(stop, target) == [OrderStatus.FILLED, OVER]
    assert (desk.held(), broker.positions, stops(broker)) == ({}, {"NVDA": Decimal(0)}, [])
    assert works(broker, "target") == []


def test_a_stop_that_sold_while_no_list_showed_it_is_booked_without_coming_back_first(desk, broker, guarded) -> None:
    broker.hide(*guarded)
    broker.loses_cancellations = True
    desk.sync(SECOND)
    broker.fill(guarded[0].order_id, Decimal(99), Decimal(88))
    broker.loses_cancellations = False
    desk.sync(THIRD)
    assert desk.status(guarded[0]) == [OrderStatus.FILLED]
    assert (desk.held(), broker.positions) == ({}, {"NVDA": Decimal(0)})
    assert (stops(broker), works(broker, "target")) == ([], []), "what took its place went with the position"


def test_an_entry_that_came_back_counts_as_an_order_that_works(desk, broker) -> None:
    price = Decimal(100)
    broker.quoted = {"NVDA": Quote("NVDA", price, price, price, broker.at, is_delayed=False, is_halted=False)}
    broker.prices = {}
    entry, *guards = desk.enter(FIRST)
    desk.execute(FIRST)
    broker.hide(entry, *guards, looks=1)
    broker.at = ny(SECOND)
    desk.sync(SECOND)
    assert desk.status(entry) == [OrderStatus.EXPIRED]
    desk.sync(THIRD)
    assert desk.status(entry, *guards) == [WORKS] * 3
    with desk.services.store.transaction() as tx:
        assert entry.order_id in [o.order_id for o in tx.orders.working(BOOK)]


def test_an_end_that_the_broker_said_stays_and_what_works_all_the_same_is_a_break(desk, broker, guarded) -> None:
    stop, target = guarded
    for guard in guarded:
        broker.orders[guard.order_id] = replace(broker.orders[guard.order_id], status=OVER)
    desk.sync(SECOND)
    broker.orders[stop.order_id] = replace(broker.orders[stop.order_id], status=WORKS)
    broker.loses_cancellations = True
    assert desk.sync(THIRD).degraded
    assert desk.status(stop, target) == [OVER] * 2
    assert "lost_order" in breaks(desk)


def test_another_order_under_the_name_of_one_that_is_over_is_never_taken_for_it(desk, broker, guarded) -> None:
    broker.loses_cancellations = True
    broker.hide(*guarded)
    desk.sync(SECOND)
    stop = guarded[0]
    broker.orders[stop.order_id] = replace(broker.orders[stop.order_id], perm_id=77)
    broker.hidden = {guarded[1].order_id: ALWAYS}
    desk.sync(THIRD)
    assert desk.status(stop) == [OVER]
    assert "duplicate_order" in breaks(desk)
    assert desk.state() is TradingState.HALTED


def test_what_a_gateway_without_its_broker_does_not_list_is_not_over(desk, broker, guarded) -> None:
    broker.hide(*guarded)
    broker.is_cut_off = True
    put(desk, TradingState.LOCKED)
    desk.sync(SECOND)
    assert desk.status(*guarded) == [WORKS] * 2
    broker.is_cut_off = False
    desk.sync(THIRD)
    assert desk.status(*guarded) == [OVER] * 2


@pytest.mark.parametrize("purpose", [OrderPurpose.TRIM, OrderPurpose.EXIT])
def test_a_part_that_is_sold_leaves_one_stop_for_the_rest_whoever_came_back(desk, broker, guarded, purpose) -> None:
    broker.hide(*guarded, looks=1)
    desk.sync(SECOND)
    desk.sell(SECOND, 40 if purpose is OrderPurpose.TRIM else 99, purpose)
    desk.execute(SECOND)
    left = desk.held().get("NVDA", Decimal(0))
    assert [shares for _, shares in stops(broker)] == ([left] if left else [])
    assert all(o.status not in OPEN or o.quantity - o.filled_quantity == left for o in broker.orders.values())


def test_a_gateway_that_leaves_orders_out_of_one_answer_ends_none_and_gets_no_second_stop(store, bars) -> None:
    with desk_on(store, bars) as real:
        real.sync(FIRST)
        _, *guards = real.enter(FIRST)
        real.execute(FIRST)
        real.gateway.tell("fault", message_id=OPEN_ORDER, fault="drop", times=2)
        real.sync(SECOND)
        assert real.status(*guards) == [WORKS] * 2
        with real.services.store.transaction() as tx:
            assert tx.controls.newest_audit("order_back", BOOK) is not None, "the answer lacked them"
        real.gateway.tell("fault", message_id=OPEN_ORDER, fault="drop", times=ALWAYS)
        real.sync(THIRD)
        sales = [o for o in real.gateway.orders() if o["ticket"]["action"] == "SELL"]
        assert [o["status"] for o in sales[:2]] == ["Cancelled"] * 2, "called back before the new pair went"
        assert len(sales) == 4
