"""Two copies of the desk run the same hours at the same time, as processes of their own. All of it is SYNTHETIC."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime
from multiprocessing.synchronize import Barrier

import pytest
from trading.adapters.clock import SystemClock
from trading.adapters.ibkr import IbkrGate
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store import PostgresStore
from trading.domain.instruments import BookId
from trading.domain.money import to_usd
from trading.errors import TransientError
from trading.gateway.feed import source_feed
from trading.ports import Services, Sources
from trading.strategy.three_sector import technical_core
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.source import SyntheticBarSource
from trading.tasks.analyse import risk, sentiment, technicals
from trading.tasks.decide import decide
from trading.tasks.execute import execute
from trading.tasks.reconcile import reconcile
from trading.tasks.sync import sync_broker

from tests.dags.desk import COUNTED, rows_of
from tests.fakes import ACCOUNT, ny, running_gateway
from tests.integration.side_by_side import run_side_by_side
from tests.integration.worlds import SEED, fill_with_synthetic_market

BOOK = BookId.parse("demo:copies")
SPEC = technical_core()
STEPS = (sync_broker, technicals, sentiment, risk, decide, execute)
HOURS = (ny("2024-07-22 10:30"), ny("2024-07-22 11:30"), ny("2024-07-22 12:30"))
"""The first and the last of them enter something."""
LOOK_BACK_DAYS = 30
ATTEMPTS = 4
RETRY_SECONDS = 0.5
MEETING_SECONDS = 60


@pytest.fixture
def gateway(store):
    """The paper gateway on the stored market, before the first hour."""
    fill_with_synthetic_market(store, NyseCalendar(), until=HOURS[-1], days=LOOK_BACK_DAYS)
    source = SyntheticBarSource(SyntheticMarket(SEED, NyseCalendar()))
    with running_gateway(source_feed(source, SPEC.universe.data), ny("2024-07-22 09:00")) as running:
        yield running


def services_of(database_url: str, port: int, control_port: int) -> Services:
    gate = IbkrGate("127.0.0.1", port, 11, ACCOUNT, control_port)
    return Services(PostgresStore(database_url), NyseCalendar(), SystemClock(), Sources(), gate)


def run_hours(services: Services, hours: tuple[datetime, ...], meeting: Barrier | None = None) -> None:
    """Run the chain of each hour; at `meeting` the copies wait for each other, so that each step is run at once."""
    for as_of in hours:
        slot = services.calendar.slot_at(as_of)
        assert slot is not None
        for step in STEPS:
            if meeting is not None:
                meeting.wait(MEETING_SECONDS)
            run_as_airflow_does(step, services, slot)


def run_as_airflow_does(step, services: Services, slot, book: BookId = BOOK) -> None:
    for _ in range(ATTEMPTS - 1):
        try:
            step(services, SPEC, book, slot)
        except TransientError:
            time.sleep(RETRY_SECONDS)
        else:
            return
    step(services, SPEC, book, slot)


def a_copy(database_url: str, port: int, control_port: int, meeting: Barrier) -> None:
    """Be one of the two processes."""
    try:
        run_hours(services_of(database_url, port, control_port), HOURS, meeting)
    except BaseException:
        meeting.abort()  # the other copy need not wait for one that failed
        raise


def test_a05_two_copies_decide_once_send_once_and_book_once(store, database_url, gateway):
    assert run_side_by_side(a_copy, *[(database_url, gateway.port, gateway.control_port)] * 2) == [0, 0]

    decided = rows_of(database_url, "SELECT as_of, book FROM desk.decisions ORDER BY as_of")
    assert decided == [(as_of, str(BOOK)) for as_of in HOURS]
    entries = rows_of(database_url, "SELECT order_id FROM desk.orders WHERE purpose = 'entry' AND status <> 'denied'")
    assert len(entries) >= 2
    sent = Counter(order["ticket"]["order_ref"] for order in gateway.orders())
    assert set(sent.values()) == {1}
    families = rows_of(database_url, "SELECT order_id FROM desk.orders WHERE status <> 'denied'")
    assert sorted(sent) == sorted(ref for (ref,) in families)
    assert len(sent) == 3 * len(entries), "an entry, its stop and its target"
    assert rows_of(database_url, "SELECT count(*) FROM desk.fills") == [(len(entries),)]


def test_the_ledger_of_two_copies_is_the_gateways_and_a_third_run_changes_nothing(store, database_url, gateway):
    assert run_side_by_side(a_copy, *[(database_url, gateway.port, gateway.control_port)] * 2) == [0, 0]
    services = services_of(database_url, gateway.port, gateway.control_port)
    with services.broker.connect() as broker, store.transaction() as tx:
        theirs, ours = broker.snapshot(BOOK), tx.ledger.portfolio(BOOK, HOURS[-1])
    assert {symbol: position.quantity for symbol, position in ours.positions.items()} == dict(theirs.positions)
    assert theirs.positions
    assert to_usd(ours.cash_usd) == theirs.cash_usd, "the broker tells whole cents"
    before = {table: rows_of(database_url, f"SELECT count(*) FROM {table}") for table in COUNTED}
    orders = gateway.orders()
    run_hours(services, HOURS)
    assert {table: rows_of(database_url, f"SELECT count(*) FROM {table}") for table in COUNTED} == before
    assert gateway.orders() == orders
    last = services.calendar.slot_at(HOURS[-1])
    assert reconcile(services, SPEC, BOOK, last).counts["differences"] == 0
