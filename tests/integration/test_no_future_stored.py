"""Nothing from the future through the whole chain: what is stored later never changes a stored decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from trading.adapters.clock import SystemClock
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store import PostgresStore
from trading.domain.decisions import Decision, DecisionKind
from trading.domain.gates import Gate, ParkEvent
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import session_slots
from trading.domain.orders import Order, OrderStatus
from trading.engine.hours import Terms
from trading.engine.replay import replay
from trading.execution.costs import CostModel
from trading.ports import Services, Sources
from trading.strategy.three_sector import three_sector
from trading.tasks.analyse import risk, sentiment, technicals
from trading.tasks.decide import decide
from trading.tasks.facts import load_facts, session_before, timeline_of
from trading.tasks.replay import replay_session

from tests.builders import navs_by
from tests.fakes import ny
from tests.integration.poisoned_store import poison
from tests.integration.worlds import fill_with_synthetic_market
from tests.poison import decided, honest

CALENDAR = NyseCalendar()
SPEC = three_sector()
LIVE, REPLAYED = BookId(BookKind.DEMO, "poison"), BookId(BookKind.REPLAY, "poison")
MEMORY_DAYS = 20

# The close of a session, within one, the early close of a half day, and the first hour after a split.
INSTANTS = [ny("2024-07-22 16:00"), ny("2024-07-22 12:30"), ny("2024-07-03 13:00"), ny("2024-07-29 10:30")]


@pytest.fixture(scope="module", params=INSTANTS, ids=lambda at: f"{at:%m-%d %H:%M}Z")
def twins(request, pg_server):
    """Return the instant and two stores: one that ends there, and one with a poisoned future."""
    at, stores = request.param, []
    for name in ("cut", "poisoned"):
        url = pg_server.url_for(f"{name}_{at:%m%d%H%M}")
        migrate(url)
        store = PostgresStore(url)
        fill_with_synthetic_market(store, CALENDAR, until=at, days=MEMORY_DAYS)
        stores.append(store)
    poison(stores[1], at, at + timedelta(days=9))
    return at, *stores


def of_book(store, book: BookId, at) -> list[tuple[Decision, tuple, tuple]]:
    """Return every decision of the session until `at` with its reasons and orders."""
    found = []
    with store.transaction() as tx:
        for slot in session_slots(CALENDAR.session(at.date())):
            if slot.as_of <= at:
                decision = tx.decisions.find(book, DecisionKind.HOURLY, slot.as_of)
                reasons = tx.decisions.reasons(decision.decision_id)
                found.append((decision, reasons, tx.orders.of_decision(decision.decision_id)))
    return found


def services_of(store) -> Services:
    return Services(store, CALENDAR, SystemClock(), Sources(), broker=None)


def park_everything(store, at) -> None:
    """Park every traded symbol by an event that comes after `at`."""
    events = [
        ParkEvent(symbol, Gate.HALTED, is_parked=True, detail="poison", actor="test", at=at + timedelta(seconds=1))
        for symbol in SPEC.universe.traded
    ]
    with store.transaction() as tx:
        assert len(tx.market.park(events)) == len(events)


def decided_live(store, at) -> list[tuple[Decision, tuple, tuple]]:
    """Run the tasks of every hour until `at`."""
    slots = [slot for slot in session_slots(CALENDAR.session(at.date())) if slot.as_of <= at]
    with store.transaction() as tx:
        terms = {"strategy": SPEC.name, "spec_hash": SPEC.spec_hash, "opened_at": slots[0].as_of}
        tx.ledger.open_book(LIVE, **terms, cash_usd=100_000)
    for slot in slots:
        for task in (technicals, sentiment, risk, decide):
            task(services_of(store), SPEC, LIVE, slot)
    return of_book(store, LIVE, at)


def test_a_poisoned_future_changes_no_decision_reason_or_order_of_the_tasks(twins):
    at, clean, poisoned = twins
    expected = decided_live(clean, at)
    assert decided_live(poisoned, at) == expected
    assert all(len(reasons) > 100 for _, reasons, _ in expected)


def test_a_poisoned_future_changes_no_decision_of_a_replayed_session(twins):
    at, clean, poisoned = twins
    for store in (clean, poisoned):
        replay_session(services_of(store), SPEC, REPLAYED, at.date(), run_id="test", replace=False)
    for (left, reasons, orders), (right, other, others) in zip(
        of_book(poisoned, REPLAYED, at), of_book(clean, REPLAYED, at), strict=True
    ):
        assert (left, reasons) == (right, other)
        assert [planned(o) for o in orders] == [planned(o) for o in others]


def planned(order: Order) -> Order:
    """Return the order as it was planned: what became of it later is not the decision's."""
    return replace(order, status=OrderStatus.PLANNED, filled_quantity=Decimal(0), broker_order_id=None, detail=None)


def test_a_replay_in_memory_that_runs_on_into_the_poison_decides_the_same_until_then(twins):
    at, clean, poisoned = twins
    first_on = session_before(CALENDAR, session_before(CALENDAR, at.date()).session_on).session_on
    timeline = timeline_of(CALENDAR, first_on, (at + timedelta(days=7)).date())
    slots = timeline.slots

    def played(store):
        with store.transaction() as tx:
            limits = {"first_at": slots[0].as_of, "as_of": slots[-1].as_of, "cutoff_at": slots[-1].as_of}
            facts = load_facts(tx, SPEC, **limits, is_replay=True)
        terms = {"book": REPLAYED, "cash_usd": Decimal(100_000), "terms": Terms(), "costs": CostModel()}
        result = replay(SPEC, facts, timeline, **terms)
        hashes = {as_of: h for as_of, h in decided(honest, facts, timeline, Terms()).items() if as_of <= at}
        return (
            hashes,
            [planned(o) for o in result.orders if o.planned_at <= at],
            navs_by(result, at),
        )

    assert played(poisoned) == played(clean)


def test_what_is_parked_later_changes_no_stored_decision_and_no_replay(twins):
    at, clean, poisoned = twins
    on, terms = at.date(), {"run_id": "test", "replace": False}
    stored, replayed = of_book(clean, LIVE, at), BookId(BookKind.REPLAY, "parked")
    for store, is_parked in ((clean, True), (poisoned, False)):
        if is_parked:
            park_everything(store, at)
        replay_session(services_of(store), SPEC, replayed, on, **terms)
    for decision, _, _ in stored:
        assert decide(services_of(clean), SPEC, LIVE, CALENDAR.slot_at(decision.as_of)).notes[0].startswith("already")
    assert of_book(clean, LIVE, at) == stored
    hashes = [[d.decision_hash for d, _, _ in of_book(store, replayed, at)] for store in (clean, poisoned)]
    assert hashes[0] == hashes[1]


def test_the_chain_plans_orders_at_all(twins):
    """Equal and empty would prove little; of the instants, one at least trades."""
    at, clean, _ = twins
    if at == INSTANTS[0]:
        assert sum(len(orders) for _, _, orders in of_book(clean, LIVE, at)) > 0
