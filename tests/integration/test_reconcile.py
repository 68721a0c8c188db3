"""The proof on a real database: what is stored, who is told, and when trading stops."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from trading.domain.fills import Fill
from trading.domain.orders import OrderEvent, OrderStatus, Side
from trading.domain.portfolio import TradingState
from trading.errors import ConfigurationError, PermanentError, TransientError
from trading.ports import BrokerOrder, Services, Sources
from trading.tasks.desk import report
from trading.tasks.reconcile import reconcile

from tests.fakes import FakeBroker, FixedClock, WeekdayCalendar
from tests.integration.reconcile_desk import (
    AS_OF,
    BOOK,
    CLOSE,
    ENTRY,
    GUARDS,
    HOUR,
    NIGHT,
    SLOT,
    SPEC,
    STOP,
    TARGET,
    a_stranger,
    answers,
    end_guards,
    open_desk,
    sound_broker,
    state_of,
)


@pytest.fixture
def broker() -> FakeBroker:
    return sound_broker()


@pytest.fixture
def desk(store, broker) -> Services:
    return open_desk(store, broker)


@pytest.fixture
def ask(database_url):
    return answers(database_url)


def open_breaks(ask):
    return ask("SELECT kind, symbol FROM ops.breaks WHERE closed_at IS NULL ORDER BY break_id")


def test_an_equal_book_is_clean_and_nobody_is_told(desk, ask):
    found = reconcile(desk, SPEC, BOOK, SLOT)
    assert not found.degraded
    assert ask("SELECT kind, is_clean, session_on FROM ops.reconciliations") == [("nightly", True, date(2019, 6, 3))]
    assert ask("SELECT * FROM ops.outbox") == []
    assert state_of(desk) is TradingState.ACTIVE


def test_shares_that_nobody_ordered_halt_trading_and_are_told(desk, broker, ask):
    broker.positions["TSLA"] = Decimal(50)
    found = reconcile(desk, SPEC, BOOK, SLOT)
    assert found.degraded
    assert ask("SELECT kind, symbol, ours, theirs, quantity FROM ops.breaks") == [("position", "TSLA", "0", "50", 50)]
    assert state_of(desk) is TradingState.HALTED
    ((badge, body),) = ask("SELECT badge, body FROM ops.outbox")
    assert badge == "PAPER"
    assert "position TSLA: ours 0, broker 50" in body
    assert "HALTED" in body


def test_cash_that_nothing_explains_halts_trading(desk, broker):
    broker.cash_usd += 37
    reconcile(desk, SPEC, BOOK, SLOT)
    assert state_of(desk) is TradingState.HALTED


def test_an_execution_that_every_look_missed_is_booked_once_and_told(desk, broker, ask):
    sold_at = CLOSE - timedelta(hours=1)
    broker.fills.append(Fill("x2", "stop", BOOK, "GLD", Side.SELL, Decimal(10), Decimal(110), Decimal(1), sold_at))
    end_guards(broker, filled="stop")
    broker.positions, broker.cash_usd = {}, broker.cash_usd + 1099
    for _ in range(2):
        found = reconcile(desk, SPEC, BOOK, SLOT)
    assert ask("SELECT fill_id FROM desk.fills ORDER BY fill_id") == [("x1",), ("x2",)]
    assert ask("SELECT * FROM ops.breaks") == []
    assert not found.degraded
    stop_hit, lacked = ask("SELECT severity, body FROM ops.outbox ORDER BY message_id")
    assert stop_hit == (
        "warning",
        "PAPER paper:DU0000001: the stop sold 10 GLD at 110 USD, commission 1.00 USD, result -102.00 USD",
    )
    assert lacked[0] == "warning"
    assert "1 executions that the book lacked" in lacked[1]
    assert state_of(desk) is TradingState.ACTIVE


def test_a_long_whose_stop_is_gone_keeps_entries_waiting_but_does_not_halt(desk, broker, ask):
    broker.orders["stop"] = replace(broker.orders["stop"], status=OrderStatus.CANCELLED)
    found = reconcile(desk, SPEC, BOOK, SLOT)
    assert found.degraded
    assert open_breaks(ask) == [("protection", "GLD")]
    assert state_of(desk) is TradingState.ACTIVE
    with desk.store.transaction() as tx:
        assert "protection GLD" in tx.reconciliations.gate(BOOK)
        assert tx.reconciliations.last_clean_at(BOOK) is None


def test_one_reference_under_two_permanent_ids_halts(desk, broker, ask):
    broker.orders["stop again"] = replace(broker.orders["stop"], perm_id=1077)
    reconcile(desk, SPEC, BOOK, SLOT)
    assert ("duplicate_order", "GLD") in open_breaks(ask)
    assert state_of(desk) is TradingState.HALTED


def test_an_order_of_unknown_fate_halts(desk, broker, ask):
    with desk.store.transaction() as tx:
        tx.orders.record(tx.orders.get("stop"), OrderEvent("stop", OrderStatus.UNKNOWN, NIGHT, detail="no answer"))
    del broker.orders["stop"]
    reconcile(desk, SPEC, BOOK, SLOT)
    assert ("unknown_order", "GLD") in open_breaks(ask)
    assert state_of(desk) is TradingState.HALTED


def test_a_commission_that_never_came_is_listed_and_stops_nothing(desk, broker, ask):
    late = Fill("x2", "entry", BOOK, "GLD", Side.BUY, Decimal(1), Decimal(120), None, AS_OF)
    broker.at = NIGHT + timedelta(hours=10)
    with desk.store.transaction() as tx:
        from trading.accounting.lots import book_fill

        tx.ledger.add_booking(book_fill(late, tx.ledger.lots(BOOK, "GLD")))
    broker.fills, broker.positions["GLD"], broker.cash_usd = [], Decimal(11), broker.cash_usd - 120
    for guard in GUARDS:
        broker.orders[guard] = replace(broker.orders[guard], quantity=Decimal(11))
    reconcile(desk, SPEC, BOOK, SLOT)
    assert open_breaks(ask) == [("commission_pending", "GLD")]
    assert state_of(desk) is TradingState.ACTIVE
    with desk.store.transaction() as tx:
        assert tx.reconciliations.gate(BOOK) is None


def test_the_same_difference_keeps_its_row_and_its_age_and_closes_when_it_is_gone(desk, broker, ask):
    broker.positions["TSLA"] = Decimal(50)
    reconcile(desk, SPEC, BOOK, SLOT)
    broker.at += timedelta(hours=20)
    broker.positions["TSLA"] = Decimal(60)
    broker.fills = []
    reconcile(desk, SPEC, BOOK, SLOT)
    ((theirs, age),) = ask("SELECT theirs, last_seen_at - first_seen_at FROM ops.breaks")
    assert theirs == "60"
    assert age == timedelta(hours=20)
    del broker.positions["TSLA"]
    found = reconcile(desk, SPEC, BOOK, SLOT)
    assert not found.degraded
    assert ask("SELECT closed_at IS NULL, resolution FROM ops.breaks") == [(False, "gone")]


def test_a_difference_comes_back_as_a_new_break(desk, broker, ask):
    for shares in (50, 0, 50):
        broker.positions["TSLA"] = Decimal(shares)
        reconcile(desk, SPEC, BOOK, SLOT)
    assert ask("SELECT closed_at IS NULL FROM ops.breaks ORDER BY break_id") == [(False,), (True,)]


def test_an_open_break_keeps_entries_waiting_and_is_named_with_its_number(desk, broker, ask):
    broker.cash_usd -= 5
    reconcile(desk, SPEC, BOOK, SLOT)
    ((number,),) = ask("SELECT break_id FROM ops.breaks")
    with desk.store.transaction() as tx:
        assert f"break {number} is open since 2019-06-03 21:30 UTC (cash: ours 98,799" in tx.reconciliations.gate(BOOK)
    broker.cash_usd += 5
    reconcile(desk, SPEC, BOOK, SLOT)
    with desk.store.transaction() as tx:
        assert tx.reconciliations.gate(BOOK) is None
        assert tx.reconciliations.last_clean_at(BOOK) == NIGHT


def test_an_incomplete_answer_is_never_flat_and_the_second_one_halts(desk, broker, ask, monkeypatch):
    def silent(book):
        raise TransientError("positions: no end marker within 10 s; try again")

    with monkeypatch.context() as patched:
        patched.setattr(broker, "snapshot", silent)
        with pytest.raises(TransientError):
            reconcile(desk, SPEC, BOOK, SLOT)
        assert open_breaks(ask) == [("incomplete", None)]
        assert state_of(desk) is TradingState.ACTIVE
        with desk.store.transaction() as tx:
            assert tx.reconciliations.gate(BOOK) is not None
            assert tx.reconciliations.last_clean_at(BOOK) is None
        with pytest.raises(TransientError):
            reconcile(desk, SPEC, BOOK, SLOT)
        assert state_of(desk) is TradingState.HALTED
    reconcile(desk, SPEC, BOOK, SLOT)
    assert open_breaks(ask) == []


def test_reconciling_twice_stores_two_clean_proofs_and_changes_nothing_else(desk, ask):
    reconcile(desk, SPEC, BOOK, SLOT)
    reconcile(desk, SPEC, BOOK, SLOT)
    assert ask("SELECT count(*), bool_and(is_clean) FROM ops.reconciliations") == [(2, True)]
    assert ask("SELECT count(*) FROM ops.controls") == [(0,)]


def test_m02_reconciling_again_on_a_holiday_proves_the_same_session_once(desk, broker):
    coded = replace(desk, code_hash="abc")
    reconcile(coded, SPEC, BOOK, SLOT)
    broker.at += timedelta(days=1)
    broker.fills = []
    reconcile(coded, SPEC, BOOK, SLOT)
    with desk.store.transaction() as tx:
        assert tx.reconciliations.clean_sessions(BOOK, "abc") == 1
        assert tx.reconciliations.clean_sessions(BOOK, "other code") == 0


def test_a_session_counts_as_clean_by_its_newest_nightly_comparison(desk, broker):
    coded = replace(desk, code_hash="abc")
    reconcile(coded, SPEC, BOOK, SLOT)
    broker.cash_usd += 3
    reconcile(coded, SPEC, BOOK, SLOT)
    with desk.store.transaction() as tx:
        assert tx.reconciliations.clean_sessions(BOOK, "abc") == 0


def test_a_foreign_order_holds_its_symbol_and_not_the_book(desk, broker, ask):
    broker.orders["by hand"] = BrokerOrder(
        None, None, 7001, "TSLA", OrderStatus.SUBMITTED, Decimal(5), Decimal(0), Side.BUY
    )
    found = reconcile(desk, SPEC, BOOK, SLOT)
    assert found.degraded
    assert open_breaks(ask) == [("foreign_order", "TSLA")]
    assert state_of(desk) is TradingState.ACTIVE
    with desk.store.transaction() as tx:
        assert list(tx.controls.holds(BOOK)) == ["TSLA"]
        assert tx.reconciliations.gate(BOOK) is None
        assert tx.reconciliations.last_clean_at(BOOK) == NIGHT
    assert broker.orders["by hand"].status is OrderStatus.SUBMITTED


def test_a_foreign_order_that_was_cancelled_by_its_owner_releases_the_symbol(desk, broker, ask):
    broker.orders["by hand"] = BrokerOrder(
        None, None, 7001, "TSLA", OrderStatus.SUBMITTED, Decimal(5), Decimal(0), Side.BUY
    )
    reconcile(desk, SPEC, BOOK, SLOT)
    del broker.orders["by hand"]
    reconcile(desk, SPEC, BOOK, SLOT)
    with desk.store.transaction() as tx:
        assert tx.controls.holds(BOOK) == {}


def test_a_foreign_execution_explains_its_shares_and_cash_also_when_the_broker_forgot_it(desk, broker, ask):
    a_stranger(broker, "TSLA", 5, "200")
    reconcile(desk, SPEC, BOOK, SLOT)
    assert open_breaks(ask) == [("foreign_fill", "TSLA")]
    broker.fills, broker.at = [], NIGHT + timedelta(days=1)
    again = reconcile(desk, SPEC, BOOK, SLOT)
    assert again.degraded
    assert (again.counts["differences"], again.counts["older_breaks"]) == (0, 1)
    assert open_breaks(ask) == [("foreign_fill", "TSLA")]
    assert state_of(desk) is TradingState.ACTIVE
    with desk.store.transaction() as tx:
        assert list(tx.controls.holds(BOOK)) == ["TSLA"]


def test_a_split_that_no_hour_took_over_yet_is_no_difference(desk, broker, ask):
    from trading.domain.market import ActionKind

    from tests.builders import an_action, an_origin

    two_for_one = an_action(symbol="GLD", kind=ActionKind.SPLIT, ex_on=date(2019, 6, 4), value=2.0)
    with desk.store.transaction() as tx:
        tx.market.add_actions([two_for_one], an_origin())
    broker.fills, broker.at, broker.positions = [], NIGHT + timedelta(days=1), {"GLD": Decimal(20)}
    for guard in GUARDS:
        broker.orders[guard] = replace(broker.orders[guard], quantity=Decimal(20))
    found = reconcile(desk, SPEC, BOOK, SLOT)
    assert found.notes == ()
    assert state_of(desk) is TradingState.ACTIVE


def test_a_book_without_a_broker_cannot_be_proven(desk, store):
    bare = Services(store, WeekdayCalendar(), FixedClock(NIGHT), Sources(), None)
    with pytest.raises(ConfigurationError, match="no broker"):
        reconcile(bare, SPEC, BOOK, SLOT)


def test_a_book_that_is_not_open_cannot_be_proven(store, broker):
    services = Services(store, WeekdayCalendar(), FixedClock(NIGHT), Sources(), broker)
    with pytest.raises(PermanentError, match="unpause hourly_trading"):
        reconcile(services, SPEC, BOOK, SLOT)


def test_the_hour_and_its_execution_are_told_once(desk, ask):
    for _ in range(2):
        told = report(desk, SPEC, BOOK, HOUR)
    assert told.decision_id == "d"
    assert told.notes[0].startswith("PAPER decision 10:30: 1 entry, 0 exits")
    head, first = "PAPER paper:DU0000001: ", told.notes[0].removeprefix("PAPER ")
    assert ask("SELECT badge, kind, body FROM ops.outbox ORDER BY message_id") == [
        ("PAPER", "order_filled", f"{head}bought 10 GLD at 120.0000 USD, commission 1.00 USD"),
        ("PAPER", "decision", f"{head}{first}\nBUY 10 GLD, at the market (entry)\nNAV 100,000.00 USD"),
    ]


def test_an_hour_without_a_decision_says_so(desk):
    told = report(desk, SPEC, BOOK, SLOT)
    assert told.notes == ("PAPER 2019-06-03 16:00: no decision",)
    assert told.decision_id is None


def test_the_orders_of_the_desk_are_left_alone(desk, broker):
    before = dict(broker.orders)
    a_stranger(broker, "TSLA", 5, "200")
    reconcile(desk, SPEC, BOOK, SLOT)
    assert {ref: o.status for ref, o in broker.orders.items()} == {ref: o.status for ref, o in before.items()}
    assert {ENTRY.order_id, STOP.order_id, TARGET.order_id} == set(broker.orders)
