"""The nightly comparison where there is little to compare: it says so, stores it, and fails nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from trading.domain.decisions import DecisionKind, decision_id_for
from trading.domain.instruments import BookId, BookKind
from trading.domain.messages import MessageKind
from trading.domain.orders import OrderPurpose, Side
from trading.domain.parity import Parity, ParityOutcome
from trading.domain.portfolio import Breaker, Portfolio, Position, TradingState
from trading.domain.signals import Targets
from trading.engine.state import BookState
from trading.entrypoints.doctor_parity import parity_line
from trading.entrypoints.findings import Level
from trading.ports import Services, Sources
from trading.strategy.three_sector import technical_core
from trading.tasks.keeping import keep_state
from trading.tasks.parity import parity, parity_of

from tests.builders import AS_OF, a_decision, a_lot, a_nav_row, an_order
from tests.fakes import FixedClock, WeekdayCalendar

CALENDAR, SPEC = WeekdayCalendar(), technical_core()
BOOK = BookId(BookKind.PAPER, "DU0000001")
MONDAY_CLOSE = CALENDAR.slot_at(AS_OF.replace(hour=20, minute=0))
MONDAY = AS_OF.date()


@pytest.fixture
def services(store) -> Services:
    return Services(store, CALENDAR, FixedClock(AS_OF), Sources(), broker=None)


@pytest.fixture
def opened(services) -> Services:
    with services.store.transaction() as tx:
        tx.ledger.open_book(
            BOOK, strategy=SPEC.name, spec_hash=SPEC.spec_hash, opened_at=AS_OF, cash_usd=Decimal(100_000)
        )
    return services


def decide(services: Services, as_of, **changes) -> None:
    decision = a_decision(
        decision_id=decision_id_for(BOOK, DecisionKind.HOURLY, as_of),
        book=BOOK, as_of=as_of, cutoff_at=as_of, session_on=as_of.date(), **changes,
    )  # fmt: skip
    with services.store.transaction() as tx:
        tx.decisions.add(decision, (), Targets(as_of, 0.0, {}), [])
        tx.ledger.add_nav(BOOK, replace(a_nav_row(), as_of=as_of, session_on=as_of.date()), {})


def stored(services: Services) -> tuple[Parity, ...]:
    with services.store.transaction() as tx:
        return tx.parity.days(BOOK, 10)


def test_a_book_that_is_not_opened_is_no_failure_and_leaves_no_row(services):
    done = parity(services, SPEC, BOOK, MONDAY_CLOSE)
    assert not done.degraded
    assert "not opened" in done.notes[0]
    assert stored(services) == ()


def test_a_day_without_decisions_says_so(opened):
    done = parity(opened, SPEC, BOOK, MONDAY_CLOSE)
    assert done.notes == (f"{MONDAY}: nothing: the book decided nothing that day",)
    assert [day.outcome for day in stored(opened)] == [ParityOutcome.NOTHING]


def test_a_day_whose_start_nobody_kept_is_not_compared_with_a_guess(opened):
    decide(opened, AS_OF - timedelta(days=3))
    decide(opened, AS_OF)
    found = parity_of(opened, SPEC, BOOK, MONDAY)
    assert found.outcome is ParityOutcome.UNKNOWN
    assert "2019-05-31 left it was not kept" in found.summary


def test_without_bars_the_day_differs_hour_by_hour_and_people_hear_of_it_once(opened, database_url):
    decide(opened, AS_OF)
    for _ in range(2):
        assert not parity(opened, SPEC, BOOK, MONDAY_CLOSE).degraded
    (day,) = stored(opened)
    assert (day.outcome, day.decisions, day.decisions_equal) == (ParityOutcome.DIFFERENT, 7, 0)
    with opened.store.transaction() as tx:
        told = tx.controls.notify(
            dedupe_key=f"parity:{BOOK}:{MONDAY}", book=BOOK, kind=MessageKind.PARITY, body="again"
        )
    assert not told, "it is in the outbox already"


@pytest.mark.parametrize("has_sold", [True, False])
def test_a_rebalance_is_a_remark_if_it_ordered_something(opened, has_sold):
    decide(opened, AS_OF)
    rebalance = decision_id_for(BOOK, DecisionKind.REBALANCE, AS_OF)
    decision = a_decision(decision_id=rebalance, book=BOOK, kind=DecisionKind.REBALANCE, note="1 trim")
    trim = an_order(book=BOOK, decision_id=rebalance, side=Side.SELL, purpose=OrderPurpose.TRIM)
    with opened.store.transaction() as tx:
        tx.decisions.add(decision, (), Targets(AS_OF, 0.0, {}), [trim] if has_sold else [])
    assert ("rebalance decision: 1 trim" in parity_of(opened, SPEC, BOOK, MONDAY).remarks) is has_sold


def test_the_close_keeps_the_book_and_a_cleared_older_hour_does_not(opened):
    decide(opened, MONDAY_CLOSE.as_of, is_closing=True)
    with opened.store.transaction() as tx:
        assert keep_state(opened, tx, BOOK, MONDAY_CLOSE)
        assert not keep_state(opened, tx, BOOK, MONDAY_CLOSE, is_final=False), "kept already"
        assert not keep_state(opened, tx, BOOK, CALENDAR.slot_at(AS_OF))
    decide(opened, MONDAY_CLOSE.as_of + timedelta(days=1), is_closing=True)
    with opened.store.transaction() as tx:
        assert not keep_state(opened, tx, BOOK, MONDAY_CLOSE)


def test_a_kept_book_comes_back_as_it_was(opened):
    state = BookState(
        Portfolio(BOOK, AS_OF, Decimal("1.25"), {"NVDA": Position("NVDA", (a_lot(book=BOOK),), 120.5)}),
        working=(an_order(book=BOOK),),
        breaker=Breaker(1.0, 2.0, MONDAY, 3),
        trading_state=TradingState.REDUCE_ONLY,
        session_on=MONDAY,
        untradable={"AMD": "held"},
        unsettled={MONDAY: Decimal("10.50")},
    )
    with opened.store.transaction() as tx:
        tx.parity.keep_state(BOOK, MONDAY, AS_OF, state)
        assert tx.parity.state_before(BOOK, MONDAY) is None
        assert tx.parity.state_before(BOOK, MONDAY + timedelta(days=3)) == (MONDAY, AS_OF, state)


@pytest.mark.parametrize(
    ("outcome", "level"),
    [(ParityOutcome.EQUAL, Level.OK), (ParityOutcome.NOTHING, Level.OK), (ParityOutcome.DIFFERENT, Level.WARN)],
)
def test_doctor_warns_of_a_day_that_differs_and_says_where_to_look(outcome, level):
    line = parity_line(Parity(BOOK, MONDAY, outcome, "6 of 7 decisions equal"))
    assert line.level is level
    assert ("replay parity 2019-06-03" in line.text) is (level is Level.WARN)
