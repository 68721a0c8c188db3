"""Locks as the ledger knows them: stops that filled, what a person forbade, and the list that shows all of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from trading.accounting.lots import book_fill
from trading.domain.instruments import BookId, BookKind, ClientCategory
from trading.domain.locks import STOP_MEMORY
from trading.domain.orders import SOFTWARE_STOP, OrderPurpose, OrderType, Side, TimeInForce
from trading.domain.portfolio import Breaker, TradingState
from trading.domain.signals import Targets
from trading.entrypoints import cli
from trading.errors import PermanentError
from trading.ports import Services, Sources
from trading.ports.tax import Taxpayer
from trading.strategy.three_sector import technical_core
from trading.tasks.facts import load_state
from trading.tasks.locks import check_restriction, locks_now

from tests.builders import AS_OF, BOOK, a_decision, a_fill, a_nav_row, an_order
from tests.fakes import FixedClock, WeekdayCalendar, ny

SPEC = technical_core()
CALENDAR = WeekdayCalendar()
MONDAY = date(2019, 6, 3)
HOUR = timedelta(hours=1)


def a_sale(purpose=OrderPurpose.STOP, **overrides):
    base = {
        "side": Side.SELL, "order_type": OrderType.TRAIL, "time_in_force": TimeInForce.GTC, "purpose": purpose,
        "leg": 1, "limit_price": None, "expires_at": None, "trail_frac": 0.12,
    }  # fmt: skip
    return an_order(**(base | overrides))


@pytest.fixture
def desk(store) -> Services:
    """A book that bought ten NVDA and ten AMD on Monday; NVDA's stop filled in two parts, AMD was sold by the desk."""
    stop, guard = a_sale(), a_sale(OrderPurpose.EXIT, symbol="AMD", leg=0, cause=SOFTWARE_STOP)
    rule = a_sale(OrderPurpose.EXIT, symbol="GLD", leg=0, cause="rsi_above")
    fills = [
        *(a_fill(fill_id=f"b.{s}", symbol=s) for s in ("NVDA", "AMD", "GLD")),
        *(
            a_fill(fill_id=f"s.{n}", symbol=order.symbol, order_id=order.order_id, side=Side.SELL,
                   quantity=Decimal(quantity), price=Decimal(120), executed_at=AS_OF + HOUR)
            for n, (order, quantity) in enumerate([(stop, 4), (stop, 6), (guard, 10), (rule, 10)])
        ),
    ]  # fmt: skip
    with store.transaction() as tx:
        tx.ledger.open_book(BOOK, strategy="s", spec_hash="h", opened_at=AS_OF, cash_usd=Decimal(100_000))
        tx.decisions.add(a_decision(), (), Targets(AS_OF, 100_000.0, {}), [stop, guard, rule])
        for fill in fills:
            tx.ledger.add_booking(book_fill(fill, tx.ledger.lots(BOOK, fill.symbol)))
    return Services(store, CALENDAR, FixedClock(ny("2019-06-03 15:30")), Sources(), None)


def at(services: Services, moment: str) -> Services:
    return replace(services, clock=FixedClock(ny(moment)))


def test_a_stop_counts_once_however_many_fills_it_had_and_the_desks_own_stop_counts_too(desk):
    with desk.store.transaction() as tx:
        stops = tx.checks.stops(BOOK, MONDAY)
        assert tx.checks.stops(BOOK, MONDAY + timedelta(days=1)) == ()
        later = load_state(
            tx, BOOK, CALENDAR.slot_at(ny("2019-12-02 10:30")), client_category=ClientCategory.US, taxpayer=Taxpayer()
        )
    assert [(stop.symbol, stop.on) for stop in stops] == [("AMD", MONDAY), ("NVDA", MONDAY)]
    assert later.stops == ()
    assert date(2019, 12, 2) - STOP_MEMORY > MONDAY


def test_what_was_stopped_rests_and_is_listed_with_its_last_day(desk):
    found = {(lock.code, lock.symbol): lock.until for lock in locks_now(desk, SPEC, BOOK)}
    assert found == {("COOLDOWN", "AMD"): date(2019, 6, 10), ("COOLDOWN", "NVDA"): date(2019, 6, 10)}
    assert locks_now(at(desk, "2019-06-10 15:30"), SPEC, BOOK) != ()
    assert locks_now(at(desk, "2019-06-11 10:30"), SPEC, BOOK) == ()


def test_the_locks_of_state_breaker_and_broker_stand_beside_them(desk):
    with desk.store.transaction() as tx:
        tx.controls.set_state(BOOK, TradingState.REDUCE_ONLY, reason="drawdown", actor="breaker")
        tripped = Breaker(100_000.0, 100_000.0, tripped_on=MONDAY)
        tx.ledger.add_nav(BOOK, replace(a_nav_row(), breaker=tripped), {})
    book = {lock.code: lock for lock in locks_now(desk, SPEC, BOOK) if lock.symbol is None}
    assert set(book) == {"STATE", "DD_BREAKER"}
    assert "drawdown" in book["STATE"].reason
    # Ten sessions after 3 June, the calendar of these tests closing on weekends only.
    assert book["DD_BREAKER"].until == date(2019, 6, 16)
    assert "2019-06-17 at the earliest" in book["DD_BREAKER"].reason


def test_a_restriction_holds_until_the_end_of_its_day_and_the_newest_word_counts(desk):
    with desk.store.transaction() as tx:
        tx.controls.restrict(BOOK, "TSLA", until=date(2019, 6, 20), reason="earnings", actor="cli:me")
        tx.controls.restrict(BOOK, "TSLA", until=date(2019, 6, 4), reason="earnings", actor="cli:me")
        tx.controls.restrict(BOOK, "AAPL", until=None, reason="never again", actor="cli:me")
        tx.controls.restrict(BOOK, "MSFT", until=None, reason="a slip", actor="cli:me")
        tx.controls.unrestrict(BOOK, "MSFT", reason="a slip", actor="cli:me")

    def listed(moment):
        return {k.symbol: k.until for k in locks_now(at(desk, moment), SPEC, BOOK) if k.code == "RESTRICTED"}

    assert listed("2019-06-04 15:30") == {"AAPL": None, "TSLA": date(2019, 6, 4)}
    assert listed("2019-06-05 10:30") == {"AAPL": None}


def test_the_restricted_list_only_grows(desk):
    with desk.store.transaction() as tx:
        tx.controls.restrict(BOOK, "TSLA", until=None, reason="earnings", actor="cli:me")
    with pytest.raises(PermanentError, match="permission denied"), desk.store.transaction() as tx:
        tx.controls._sql.connection.cursor().execute("DELETE FROM ops.restrictions")


@pytest.mark.parametrize(
    ("symbol", "book", "until", "says"),
    [
        ("TSLA", BookId(BookKind.REPLAY, "r"), None, "knows no acts of people"),
        ("SPY", BOOK, None, "does not trade SPY"),
        ("TSLA", BOOK, date(2019, 6, 2), "has passed"),
    ],
)
def test_a_restriction_that_could_not_be_meant_is_refused(desk, symbol, book, until, says):
    with pytest.raises(PermanentError, match=says):
        check_restriction(desk, SPEC, symbol, book=book, until=until)


def test_people_ban_list_and_unban(desk, database_url, monkeypatch, capsys):
    monkeypatch.setenv("AIRDESK_DATABASE_URL", database_url)
    monkeypatch.setenv("AIRDESK_MODE", "paper")

    def run(*words):
        ended = cli.main([*words, "--book", str(BOOK)])
        shown = capsys.readouterr()
        return ended, shown.out + shown.err

    assert run("ban", "tsla", "--reason", "earnings")[0] == 0
    ended, shown = run("locks")
    assert ended == 0
    assert "TSLA" in shown
    assert "RESTRICTED" in shown
    assert run("unban", "TSLA", "--reason", "they are out")[0] == 0
    assert run("unban", "TSLA", "--reason", "twice")[0] == 1
    assert "nothing is locked" in run("locks")[1]
