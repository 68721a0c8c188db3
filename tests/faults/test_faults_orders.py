"""Faults between the desk and its orders that no other suite has in its name (reference: the fault catalogue)."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal

import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect
from trading.domain.market import session_slots
from trading.domain.orders import OrderEvent, OrderStatus
from trading.drills.attempt import EndKind
from trading.drills.checker import check_settled
from trading.drills.databases import DrillDatabases
from trading.drills.disturbances import Step
from trading.drills.world import BOOK as DRILL_BOOK
from trading.drills.world import import_everything, running_world, slots, spec
from trading.errors import TransientError

from tests.fakes import NEW_YORK, flat_bars, ny, with_prices
from tests.integration.order_desk import desk_on

AT = "2019-06-03 10:30"


# --- A: Airflow ---------------------------------------------------------------------------------


def test_a05_two_runs_at_once_send_one_set_of_orders(pg_server, tmp_path) -> None:
    import_everything()
    with running_world(DrillDatabases(pg_server.url_for), 5, log_file=tmp_path / "log") as world:
        at = slots()[0]
        world.sync(world.services, spec(), DRILL_BOOK, at)
        planned = world.decide(at)
        run = Step("execute", world.execute, at)
        with run.attempt(world) as scheduled, run.attempt(world) as manual:
            ends = {scheduled.wait().kind, manual.wait().kind}
        log = world.log()
        assert ends <= {EndKind.DONE, EndKind.TRANSIENT}
        assert EndKind.DONE in ends
        assert sorted(o.order_ref for o in log.orders) == sorted(o.order_id for o in planned)
        assert check_settled(log, world.rows(at), may_park=False) == []


def test_a08_a_finished_execution_that_is_cleared_and_run_again_sends_nothing(desk) -> None:
    desk.sync(AT)
    desk.enter(AT)
    desk.execute(AT)
    orders, cash = desk.gateway.orders(), desk.cash()
    assert desk.execute(AT).counts["sent"] == 0
    assert (desk.gateway.orders(), desk.cash()) == (orders, cash)


# --- M: calendar --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "week",
    [date(2019, 3, 4), date(2019, 3, 11), date(2019, 4, 1), date(2019, 10, 28), date(2019, 11, 4)],
    ids=["before", "US summer, EU winter", "both summer", "EU winter, US summer", "both winter"],
)
def test_m03_every_week_of_a_clock_change_has_the_same_new_york_hours_once_each(week: date) -> None:
    sessions = NyseCalendar().sessions(week, week + timedelta(days=4))
    hours = [[s.as_of.astimezone(NEW_YORK).strftime("%H:%M") for s in session_slots(session)] for session in sessions]
    assert hours == [["10:30", "11:30", "12:30", "13:30", "14:30", "15:30", "16:00"]] * 5


@pytest.mark.parametrize("day", ["2019-03-08", "2019-03-11"], ids=["winter time", "summer time"])
def test_m03_an_entry_expires_25_new_york_minutes_after_its_hour_on_both_sides_of_the_change(store, day) -> None:
    bars = flat_bars("NVDA", date.fromisoformat(day), 1)
    with desk_on(store, with_prices(bars, ny(f"{day} 10:30"), (101, 101, 101, 101)), f"{day} 09:30") as desk:
        desk.sync(f"{day} 10:30")
        entry, *_ = desk.enter(f"{day} 10:30")
        desk.execute(f"{day} 10:30")
        (at_broker, *_) = desk.gateway.orders()
        assert at_broker["expires_at"] == ny(f"{day} 10:55").isoformat()
        desk.sync(f"{day} 11:30")
        assert desk.status(entry) == [OrderStatus.EXPIRED]


# --- P: Postgres --------------------------------------------------------------------------------


def test_p05_the_loser_of_a_deadlock_stores_nothing_and_its_retry_stores_all(desk, database_url) -> None:
    desk.sync(AT)
    first, second, _ = desk.enter(AT)
    lost: list[TransientError] = []
    has_first = threading.Event()

    def record_both(store: PostgresStore) -> None:
        with store.transaction() as tx:
            for order in (first, second):
                tx.orders.record(order, OrderEvent(order.order_id, OrderStatus.RESERVED, order.planned_at))
                has_first.set()

    def lose() -> None:
        try:
            record_both(PostgresStore(database_url))
        except TransientError as error:
            lost.append(error)

    with closing(connect(database_url)) as other, other.cursor() as cursor:
        # Whoever waits out its deadlock_timeout first is the one that Postgres ends.
        cursor.execute("SET deadlock_timeout = '60s'")
        cursor.execute("SELECT 1 FROM desk.orders WHERE order_id = %s FOR UPDATE", [second.order_id])
        loser = threading.Thread(target=lose)
        loser.start()
        assert has_first.wait(10)
        cursor.execute("SELECT 1 FROM desk.orders WHERE order_id = %s FOR UPDATE", [first.order_id])
        loser.join(20)
    assert len(lost) == 1
    assert desk.status(first, second) == [OrderStatus.PLANNED] * 2
    record_both(PostgresStore(database_url))
    assert desk.status(first, second) == [OrderStatus.RESERVED] * 2


def test_b02_p03_fills_of_an_order_whose_sender_never_heard_of_it_are_adopted_by_the_next_look(desk) -> None:
    desk.sync(AT)
    legs = desk.enter(AT)
    desk.gateway.tell("fault", message_id=3, fault="close_after", skip=2)
    with pytest.raises(TransientError):
        desk.execute(AT)
    desk.sync(AT)
    assert desk.status(*legs) == [OrderStatus.FILLED, OrderStatus.SUBMITTED, OrderStatus.SUBMITTED]
    assert desk.held() == {"NVDA": Decimal(99)}
    desk.execute(AT)
    assert sorted(desk.refs_at_broker()) == sorted(o.order_id for o in legs)
