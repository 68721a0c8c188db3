"""Every denial is a row with its numbers: at the decision, and on the facts of the moment of sending."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from trading.accounting.reconciliation_kinds import Difference, DifferenceKind
from trading.adapters.clock import SystemClock
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.decisions import DecisionKind
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import Quote
from trading.domain.orders import OrderEvent, OrderPurpose, OrderStatus
from trading.domain.portfolio import TradingState
from trading.domain.signals import Targets
from trading.execution.planner import plan_entry, plan_sale
from trading.ports import Proof, ReconciliationKind, Services, Sources, Stage
from trading.tasks.replay import replay_session

from tests.builders import a_decision
from tests.fakes import FakeBroker, FixedClock, ny
from tests.integration.order_desk import BOOK, CALENDAR, SPEC, Desk, slot, terms
from tests.integration.worlds import fill_with_synthetic_market

FIRST, NEXT = "2019-06-03 10:30", "2019-06-03 11:30"
PRICES = {s: Decimal(100) for s in SPEC.universe.traded}


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker(ny(FIRST), PRICES)


@pytest.fixture
def desk(store, broker) -> Desk:
    """A desk on the broker in memory, whose book is open and proven."""
    desk = Desk(Services(store, CALENDAR, FixedClock(ny(FIRST)), Sources(), broker), gateway=None)
    desk.sync(FIRST)
    return desk


def denials(desk: Desk, *orders) -> list[tuple[str, str]]:
    """Return (stage, code) of everything that stands against `orders`."""
    with desk.services.store.transaction() as tx:
        return [(d.stage, d.denial.code) for d in tx.checks.denials([o.order_id for o in orders])]


def test_what_is_denied_at_send_is_stored_with_its_numbers_and_never_sent(desk, broker):
    entry, stop, target = desk.enter(FIRST)
    desk.facts(FIRST, vix=34.0)
    desk.execute(FIRST)
    assert desk.status(entry, stop, target) == [OrderStatus.DENIED] * 3
    assert broker.orders == {}
    with desk.services.store.transaction() as tx:
        (row,) = tx.checks.denials([entry.order_id, stop.order_id, target.order_id])
    assert (row.order_id, row.stage, row.denial.code) == (entry.order_id, Stage.SEND, "VIX_BLOCK")
    assert (row.denial.observed, row.denial.threshold, row.happened_at) == (34.0, 30.0, ny(FIRST))


def test_a_denial_is_stored_once_however_often_the_hour_is_repeated(desk):
    legs = desk.enter(FIRST)
    desk.facts(FIRST, vix=34.0)
    for _ in range(2):
        desk.execute(FIRST)
    assert denials(desk, *legs) == [("send", "VIX_BLOCK")]


def test_what_is_denied_at_the_decision_is_stored_with_the_decision(store):
    calendar, book = NyseCalendar(), BookId(BookKind.REPLAY, "denials")
    fill_with_synthetic_market(store, calendar, until=ny("2024-08-02 16:00"), days=30)
    services = Services(store, calendar, SystemClock(), Sources(), broker=None)
    for session in calendar.sessions(date(2024, 7, 22), date(2024, 8, 2)):
        replay_session(services, SPEC, book, session.session_on, run_id=f"{session.session_on}", replace=False)
    with store.transaction() as tx:
        heads = [o for o in tx.orders.recent(book, 1000) if o.status is OrderStatus.DENIED and o.parent_id is None]
        kept = tx.checks.denials([o.order_id for o in heads])
    first = {d.order_id: d.denial.text for d in reversed(kept)}
    assert heads
    assert first == {o.order_id: o.detail for o in heads}
    assert {d.stage for d in kept} == {Stage.DECISION}


@pytest.mark.parametrize(
    ("quote", "code"),
    [
        ({"bid": Decimal(109), "ask": Decimal(110), "last": Decimal(110)}, "PRICE_COLLAR"),
        ({"quoted_at": ny(FIRST) - timedelta(minutes=21)}, "STALE_QUOTE"),
        ({"bid": None, "ask": None, "last": None, "quoted_at": None}, "STALE_QUOTE"),
        ({"is_halted": True}, "HALTED_SYMBOL"),
    ],
)
def test_m05_the_quote_of_the_moment_decides_about_an_entry(desk, broker, quote, code):
    sound = Quote("NVDA", Decimal(100), Decimal(100), Decimal(100), broker.at, is_delayed=False, is_halted=False)
    broker.quoted["NVDA"] = replace(sound, **quote)
    entry, *_ = desk.enter(FIRST)
    desk.execute(FIRST)
    assert denials(desk, entry) == [("send", code)]
    assert broker.orders == {}


def test_a_delayed_quote_lets_an_entry_go_on_paper_and_is_noted_with_the_order(desk, broker):
    broker.quoted["NVDA"] = Quote(
        "NVDA", Decimal(100), Decimal(100), Decimal(100), broker.at, is_delayed=True, is_halted=False
    )
    entry, *_ = desk.enter(FIRST)
    desk.execute(FIRST)
    with desk.services.store.transaction() as tx:
        assert tx.orders.get(entry.order_id).detail == "DELAYED: sent on a delayed quote"
    assert entry.order_id in broker.orders


def test_m02_an_entry_that_waited_until_the_close_is_not_sent(desk, broker):
    entry, *_ = desk.enter("2019-06-03 15:30")
    broker.at = ny("2019-06-03 15:56")
    desk.execute("2019-06-03 15:30")
    assert [code for _, code in denials(desk, entry)] == ["DECISION_EXPIRED", "TOO_LATE"]


def test_an_order_of_other_code_is_not_sent(desk):
    desk.services = replace(desk.services, code_hash="f" * 64)
    entry, *_ = desk.enter(FIRST)
    desk.execute(FIRST)
    assert denials(desk, entry) == [("send", "VERSION")]


def test_an_open_break_stops_entries_and_lets_sales_go(desk, broker):
    desk.enter(FIRST)
    desk.execute(FIRST)
    broker.at = ny(NEXT)
    desk.sync(NEXT)
    lost = Difference(DifferenceKind.LOST_ORDER, "NVDA", "submitted", "not listed")
    entry, *_ = plan_entry(
        terms(NEXT), "AMD", weight_frac=0.1, nav_usd=100_000.0, last_price=100.0, expires_at=ny("2019-06-03 11:55")
    )
    sale = plan_sale(terms(NEXT), "NVDA", Decimal(99), OrderPurpose.EXIT, at_open=False)
    desk.decide(NEXT, sale, entry)
    with desk.services.store.transaction() as tx:
        tx.reconciliations.file(
            Proof(
                BOOK, ReconciliationKind.OPERATOR, slot(NEXT).session_on, ny(NEXT), "", set(DifferenceKind), [lost], {}
            )
        )
    desk.execute(NEXT)
    assert denials(desk, entry, sale) == [("send", "RECON_STALE")]
    assert desk.status(sale) == [OrderStatus.FILLED]


def test_a_held_symbol_gets_no_entry_and_the_reason_is_stored(desk):
    with desk.services.store.transaction() as tx:
        tx.controls.hold(BOOK, "NVDA", is_held=True, reason="restricted list", actor="cli:test")
    entry, *_ = desk.enter(FIRST)
    desk.execute(FIRST)
    assert denials(desk, entry) == [("send", "NOT_TRADABLE")]


def test_b08_what_the_broker_refused_today_is_not_sent_again_in_the_next_hour(desk, broker):
    entry, *_ = desk.enter(NEXT, "AMD")
    with desk.services.store.transaction() as tx:
        for status in (OrderStatus.RESERVED, OrderStatus.REJECTED):
            tx.orders.record(entry, OrderEvent(entry.order_id, status, ny(NEXT), detail="201 no permission"))
    broker.at = ny("2019-06-03 12:30")
    desk.sync("2019-06-03 12:30")
    again, *_ = desk.enter("2019-06-03 12:30", "AMD")
    desk.execute("2019-06-03 12:30")
    assert denials(desk, again) == [("send", "REJECTED_TODAY")]


def test_b22_an_entry_beyond_settled_cash_stays_here(desk, broker):
    whole = broker.snapshot
    broker.snapshot = lambda book: replace(whole(book), settled_cash_usd=Decimal(5_000))
    entry, *_ = desk.enter(FIRST)
    desk.execute(FIRST)
    assert denials(desk, entry) == [("send", "NO_CASH")]


def test_r03_a_loop_that_sends_and_sends_is_halted_and_alarmed(desk, broker):
    entry, *_ = desk.enter(FIRST)
    decision = a_decision(book=BOOK, kind=DecisionKind.OPERATOR)
    runaway = replace(terms(FIRST), decision_id=decision.decision_id)
    sales = [plan_sale(runaway, f"S{n}", Decimal(1), OrderPurpose.EXIT, at_open=False) for n in range(20)]
    with desk.services.store.transaction() as tx:
        tx.decisions.add(decision, (), Targets(decision.as_of, 0.0, {}), sales)
        for order in sales:
            for status in (OrderStatus.RESERVED, OrderStatus.CANCELLED):
                tx.orders.record(order, OrderEvent(order.order_id, status, ny(FIRST)))
    desk.execute(FIRST)
    assert "RATE" in [code for _, code in denials(desk, entry)]
    assert desk.state() is TradingState.HALTED


def test_an_entry_that_filled_a_moment_ago_counts_although_no_execution_is_booked_yet(desk):
    """Five entries of one decision, sent one by one: the fifth would turn over more than 40 % of NAV."""
    symbols = ("NVDA", "AMD", "AAPL", "MSFT", "GLD")
    expires_at = ny("2019-06-03 10:55")
    families = [
        plan_entry(terms(FIRST), s, weight_frac=0.1, nav_usd=100_000.0, last_price=100.0, expires_at=expires_at)
        for s in symbols
    ]
    desk.decide(FIRST, *(leg for family in families for leg in family))
    desk.execute(FIRST)
    statuses = dict(zip(symbols, desk.status(*(family[0] for family in families)), strict=True))
    assert [s for s, status in statuses.items() if status is not OrderStatus.FILLED] == ["NVDA"]
    assert denials(desk, *(family[0] for family in families)) == [("send", "DAILY_LIMIT")]
