"""A replayed session in Postgres is the replay in memory, hour by hour; and it is done once."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from psycopg2 import connect
from trading.adapters.clock import SystemClock
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import ActionKind
from trading.domain.portfolio import AccountType
from trading.engine.replay import replay
from trading.engine.result import ReplayResult
from trading.errors import BrokerRefused, PermanentError, TransientError
from trading.execution.costs import CostModel
from trading.ports import Services, Sources
from trading.strategy.three_sector import three_sector
from trading.tasks.facts import load_facts, terms_of, timeline_of, unsettled_of
from trading.tasks.replay import replay_session

from tests.builders import an_action, an_origin, navs_by
from tests.fakes import FakeBroker, ny
from tests.integration.worlds import fill_with_synthetic_market

CALENDAR = NyseCalendar()
SPEC = three_sector()
FIRST, LAST = date(2024, 7, 22), date(2024, 8, 2)
"""Two weeks that hold NVDA's invented 4:1 split of 30 July."""
BOOK = BookId(BookKind.REPLAY, "weeks")


@pytest.fixture
def services(store) -> Services:
    fill_with_synthetic_market(store, CALENDAR, until=ny("2024-08-02 16:00"), days=30)
    return Services(store, CALENDAR, SystemClock(), Sources(), broker=None)


def sessions() -> list[date]:
    return [s.session_on for s in CALENDAR.sessions(FIRST, LAST)]


def play(services: Services, on: date, *, run_id: str = "", replaces: bool = False, book: BookId = BOOK):
    return replay_session(services, SPEC, book, on, run_id=run_id or f"backfill__{on}", replace=replaces)


@pytest.fixture(params=list(AccountType))
def services_of_account(services, request) -> Services:
    return replace(services, account_type=request.param)


def in_memory(services: Services) -> ReplayResult:
    timeline = timeline_of(CALENDAR, FIRST, LAST)
    first, last = timeline.slots[0], timeline.slots[-1]
    with services.store.transaction() as tx:
        facts = load_facts(tx, SPEC, first_at=first.as_of, as_of=last.as_of, cutoff_at=last.as_of)
    return replay(
        SPEC, facts, timeline, book=BOOK, cash_usd=Decimal(100_000), terms=terms_of(services), costs=CostModel()
    )


def counts(services: Services, book: BookId = BOOK) -> tuple[int, int, int]:
    with services.store.transaction() as tx:
        return len(tx.ledger.navs(book)), len(tx.ledger.fills(book)), len(tx.orders.recent(book, 10_000))


def assert_as_in_memory(services: Services) -> ReplayResult:
    """Play every session in Postgres and hold what the ledger says against the replay in memory, which is returned."""
    for on in sessions():
        play(services, on)
    result, last = in_memory(services), timeline_of(CALENDAR, FIRST, LAST).slots[-1]
    with services.store.transaction() as tx:
        fills, navs = tx.ledger.fills(BOOK), tx.ledger.navs(BOOK)
        portfolio = tx.ledger.portfolio(BOOK, navs[-1].as_of)
        waiting = unsettled_of(services, tx, BOOK, last)
    assert len(result.fills) > 3
    key = ("fill_id", "symbol", "side", "quantity", "price", "commission_usd", "executed_at")
    ours = [tuple(getattr(f, name) for name in key) for f in sorted(fills, key=lambda f: f.fill_id)]
    theirs = [tuple(getattr(f, name) for name in key) for f in sorted(result.fills, key=lambda f: f.fill_id)]
    assert ours == theirs
    assert [(n.as_of, n.nav_usd) for n in navs] == [
        (at, pytest.approx(nav, abs=0.01)) for at, nav, *_ in navs_by(result)
    ]
    assert {s: p.quantity for s, p in portfolio.positions.items() if p.lots} == result.final.held
    assert portfolio.cash_usd == result.final.portfolio.cash_usd
    assert waiting == result.final.unsettled
    return result


def test_sessions_in_postgres_trade_exactly_as_the_replay_in_memory(services_of_account):
    assert_as_in_memory(services_of_account)


def test_broken_shares_and_dividends_are_paid_alike(services, database_url):
    """Every name splits 13 for 10 and pays, on the ninth session."""
    ex_on = sessions()[8]
    about = {"ex_on": ex_on, "known_at": ny("2024-07-01 09:00")}
    actions = [
        replace(an_action(kind=kind, value=value, **about), symbol=symbol)
        for symbol in SPEC.universe.traded
        for kind, value in ((ActionKind.DIVIDEND, 0.333), (ActionKind.SPLIT, 1.3))
    ]
    with services.store.transaction() as tx:
        tx.market.add_actions(actions, an_origin())
    result = assert_as_in_memory(services)
    paid = {kind: [d.amount_usd for d in result.dividends if d.action.kind is kind] for kind in ActionKind}
    assert min(map(len, paid.values())) > 0
    with closing(connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT amount_usd FROM desk.cash_entries WHERE kind = 'cash_in_lieu' ORDER BY amount_usd")
        assert [amount for (amount,) in cursor.fetchall()] == sorted(paid[ActionKind.SPLIT])


def test_a_session_waits_for_the_one_before_it(services):
    first, second, third = sessions()[:3]
    play(services, first)
    with pytest.raises(TransientError, match=f"waits for {second}"):
        play(services, third)
    play(services, second)
    assert play(services, third).counts["decisions"] == 7


def test_a_session_is_replayed_once_whatever_is_cleared(services):
    for on in sessions()[:2]:
        play(services, on, replaces=True)
    before = counts(services)
    for on in sessions()[:2]:
        assert "replayed already" in play(services, on, replaces=True).notes[0]
    assert counts(services) == before


def test_another_run_may_start_the_book_anew_from_its_first_session(services):
    first, second = sessions()[:2]
    play(services, first)
    play(services, second)
    play(services, first, run_id="manual__again", replaces=True)
    assert counts(services)[0] == 7
    assert play(services, second, run_id="manual__again_2", replaces=True).counts["decisions"] == 7


def test_an_earlier_session_is_refused_unless_the_book_is_replaced(services):
    play(services, sessions()[2])
    with pytest.raises(PermanentError, match="begins on"):
        play(services, sessions()[0])


def test_a_replay_holds_no_broker_and_touches_no_other_book(services):
    with pytest.raises(BrokerRefused):
        play(services, sessions()[0], book=BookId(BookKind.DEMO, "default"))
    with pytest.raises(BrokerRefused):
        play(replace(services, broker=FakeBroker(ny("2024-07-22 09:30"))), sessions()[0])
    with services.store.transaction() as tx:
        assert tx.ledger.books() == ()
