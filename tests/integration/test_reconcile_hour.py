"""The cheap comparison at the start of each hourly run, on the real gateway: proofs, strangers, and what they stop."""

from __future__ import annotations

import pytest
from trading.domain.portfolio import TradingState
from trading.ports import ReconciliationKind
from trading.tasks.reconcile import reconcile
from trading.tasks.resolving import adopt_break

from tests.fakes import ny
from tests.integration.order_desk import BOOK, SPEC, slot
from tests.integration.reconcile_desk import answers


@pytest.fixture
def ask(database_url):
    return answers(database_url)


def breaks(desk):
    with desk.services.store.transaction() as tx:
        return tx.reconciliations.breaks(BOOK)


def test_each_hour_starts_with_a_proof_that_is_as_young_as_the_look(desk, ask):
    desk.sync("2019-06-03 10:30")
    with desk.services.store.transaction() as tx:
        assert tx.reconciliations.last_clean_at(BOOK) == ny("2019-06-03 10:30")
        assert tx.reconciliations.clean_sessions(BOOK, "") == 0
    assert set(ask("SELECT kind, is_clean FROM ops.reconciliations")) == {("hourly", True)}


def test_an_hour_compares_no_cash_and_leaves_a_break_about_it_open(desk, ask):
    desk.sync("2019-06-03 10:30")
    desk.gateway.tell("cash", kind="fee", amount_usd="-5", text="a fee")
    reconcile(desk.services, SPEC, BOOK, slot("2019-06-03 10:30"), kind=ReconciliationKind.OPERATOR)
    desk.sync("2019-06-03 11:30")
    assert [b.difference.kind for b in breaks(desk)] == ["cash"]


def test_a_purchase_by_hand_holds_its_symbol_until_it_is_adopted_and_the_desk_never_touches_it(desk, ask):
    desk.sync("2019-06-03 10:30")
    desk.gateway.tell("foreign_order", symbol="AAPL", side="BUY", quantity=5)
    desk.gateway.tell("foreign_order", symbol="AAPL", side="BUY", quantity=1, order_type="LMT", limit_price="80")
    assert desk.sync("2019-06-03 11:30").degraded
    assert desk.state() is TradingState.ACTIVE
    assert sorted(b.difference.kind for b in breaks(desk)) == ["foreign_fill", "foreign_order"]
    with desk.services.store.transaction() as tx:
        assert list(tx.controls.holds(BOOK)) == ["AAPL"]
        assert tx.reconciliations.gate(BOOK) is None
    for found in breaks(desk):
        adopt_break(desk.services, BOOK, found.break_id, reason="mine", actor="cli:me")
    with desk.services.store.transaction() as tx:
        assert tx.controls.holds(BOOK) == {}
    assert not desk.sync("2019-06-03 12:30").degraded
    assert reconcile(desk.services, SPEC, BOOK, slot("2019-06-03 12:30")).counts["differences"] == 0
    assert desk.held() == {}
    assert [o["status"] for o in desk.gateway.orders()] == ["Filled", "Submitted"]
    assert ask("SELECT count(*) FROM ops.outbox WHERE kind = 'break_found'") == [(1,)]


def test_the_desk_goes_on_trading_other_symbols_beside_a_stranger(desk):
    desk.sync("2019-06-03 10:30")
    desk.gateway.tell("foreign_order", symbol="AAPL", side="BUY", quantity=5)
    desk.sync("2019-06-03 11:30")
    desk.enter("2019-06-03 11:30", "NVDA")
    desk.execute("2019-06-03 11:30")
    assert desk.held() == {"NVDA": 99}


def test_a_stranger_is_told_once_however_often_it_is_seen(desk, ask):
    desk.sync("2019-06-03 10:30")
    desk.gateway.tell("foreign_order", symbol="AAPL", side="BUY", quantity=5)
    for hour in ("11:30", "12:30", "13:30"):
        desk.sync(f"2019-06-03 {hour}")
    assert ask("SELECT count(*) FROM ops.breaks") == [(1,)]
    assert ask("SELECT count(*) FROM ops.outbox WHERE kind = 'break_found'") == [(1,)]
