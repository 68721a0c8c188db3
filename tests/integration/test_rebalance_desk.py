"""A rebalance at the paper gateway: shown, asked for, sales first, buys an hour later from what the sales brought."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from trading.analysis.facts import utc64
from trading.domain.decisions import DecisionKind, decision_id_for
from trading.domain.orders import OrderPurpose, OrderStatus, Side
from trading.domain.panel import panel_of
from trading.domain.portfolio import TradingState
from trading.errors import PermanentError
from trading.ports.approvals import Answer
from trading.tasks.approval import request_for, settle
from trading.tasks.decide import decide_kind
from trading.tasks.execute import execute
from trading.tasks.explain import recompute
from trading.tasks.rebalance import shown

from tests.integration.order_desk import BOOK, SPEC, slot, terms

FIRST, SECOND, THIRD, FOURTH = (f"2019-06-03 {hour}:30" for hour in (10, 11, 12, 13))


def facts(desk, at: str, **prices: float) -> None:
    """Store every name at 100 USD but for `prices`, all alike volatile, and a calm VIX."""
    hour, symbols = slot(at), SPEC.universe.traded
    price = np.array([[prices.get(symbol, 100.0) for symbol in symbols]])
    panel = panel_of(
        np.array([utc64(hour.as_of)]), symbols, price=price, vix=np.array([[15.0]]), volatility_frac=price * 0 + 0.3
    )
    with desk.services.store.transaction() as tx:
        for group in ("technicals", "risk"):
            tx.analysis.write(group, panel, hour.as_of)


def buy(desk, at: str, **weights: float) -> None:
    from datetime import timedelta

    from trading.execution.planner import plan_entry

    legs = []
    for symbol, weight in weights.items():
        ends_at = slot(at).as_of + timedelta(minutes=25)
        legs += plan_entry(
            terms(at), symbol, weight_frac=weight, nav_usd=100_000.0, last_price=100.0, expires_at=ends_at
        )
    desk.decide(at, *legs)
    desk.execute(at)


def rebalance(desk, at: str):
    """Decide a rebalance and return its orders as stored."""
    report = decide_kind(desk.services, SPEC, BOOK, slot(at), DecisionKind.REBALANCE)
    with desk.services.store.transaction() as tx:
        return tx.orders.of_decision(report.decision_id)


def send(desk, at: str):
    return execute(desk.services, SPEC, BOOK, slot(at), kind=DecisionKind.REBALANCE)


def guards_of(desk, symbol: str) -> list[Decimal]:
    live = [o for o in desk.gateway.orders() if o["status"] in ("PreSubmitted", "Submitted")]
    return [Decimal(o["ticket"]["quantity"]) for o in live if o["ticket"]["symbol"] == symbol]


@pytest.fixture
def drifted(desk):
    """A desk that holds NVDA over its target and AAPL under it, an hour after it bought them."""
    desk.sync(FIRST)
    buy(desk, FIRST, NVDA=0.1, AAPL=0.06)
    desk.sync(SECOND)
    facts(desk, SECOND, NVDA=130.0)
    return desk


def test_sales_go_first_and_buys_an_hour_later(drifted):
    sale, *others = rebalance(drifted, SECOND)
    assert (sale.symbol, sale.purpose, others) == ("NVDA", OrderPurpose.REBALANCE, [])
    preview, is_stored = shown(drifted.services, SPEC, BOOK, slot(SECOND).as_of)
    assert is_stored
    assert [(t.symbol, t.side, t.order_id is None) for t in preview.trades] == [
        ("NVDA", Side.SELL, False),
        ("AAPL", Side.BUY, True),
    ]
    gain = preview.trades[0].short_usd
    assert gain == pytest.approx(sale.quantity * (Decimal(130) - Decimal("100.06")), abs=Decimal(1))
    send(drifted, SECOND)
    assert drifted.status(sale) == [OrderStatus.FILLED]
    assert guards_of(drifted, "NVDA") == [99 - sale.quantity] * 2
    drifted.sync(THIRD)
    facts(drifted, THIRD, NVDA=130.0)
    orders = rebalance(drifted, THIRD)
    assert [(o.symbol, o.purpose) for o in orders] == [
        ("AAPL", OrderPurpose.ENTRY), ("AAPL", OrderPurpose.STOP), ("AAPL", OrderPurpose.TARGET)
    ]  # fmt: skip
    send(drifted, THIRD)
    drifted.sync(FOURTH)
    held = drifted.held()["AAPL"]
    assert held > 90
    assert guards_of(drifted, "AAPL") == [held, held], "one stop and one target for exactly the shares"
    facts(drifted, FOURTH, NVDA=130.0)
    assert rebalance(drifted, FOURTH) == (), "nothing waits any more, and no gap is worth a trade"


def test_a_rerun_decides_and_sends_nothing_twice(drifted):
    first = rebalance(drifted, SECOND)
    assert rebalance(drifted, SECOND) == first
    send(drifted, SECOND)
    before = drifted.gateway.orders()
    send(drifted, SECOND)
    assert drifted.gateway.orders() == before


def test_a_rebalance_judged_again_is_the_stored_one(drifted):
    rebalance(drifted, SECOND)
    with drifted.services.store.transaction() as tx:
        stored = tx.decisions.find(BOOK, DecisionKind.REBALANCE, slot(SECOND).as_of)
        assert tx.ledger.nav_at(BOOK, stored.as_of) is not None
        again = recompute(drifted.services, tx, stored, lambda _: SPEC)
    assert (again.differences, again.count > 0) == ((), True)


def test_what_an_unfilled_sale_did_not_bring_is_not_spent(drifted):
    """The sale is decided and never sent: the book has the cash that it had."""
    rebalance(drifted, SECOND)
    drifted.sync(THIRD)
    with drifted.services.store.transaction() as tx:
        # Somebody has spent the rest of the cash.
        tx.ledger.add_cash(BOOK, "fee.test", "fee", -(drifted.cash() - Decimal(3_500)), slot(THIRD).as_of, "test")
    facts(drifted, THIRD, NVDA=130.0)
    orders = rebalance(drifted, THIRD)
    bought = [o for o in orders if o.side is Side.BUY]
    worth = sum(o.quantity * o.limit_price for o in bought if o.status is OrderStatus.PLANNED)
    assert worth <= Decimal(3_500)
    assert drifted.held()["NVDA"] == 99


def test_no_top_up_unless_the_book_is_active(drifted):
    rebalance(drifted, SECOND)
    send(drifted, SECOND)
    drifted.sync(THIRD)
    with drifted.services.store.transaction() as tx:
        tx.controls.set_state(BOOK, TradingState.REDUCE_ONLY, reason="test", actor="test")
    facts(drifted, THIRD, NVDA=130.0)
    top_up = rebalance(drifted, THIRD)[0]
    assert (top_up.status, top_up.detail[:5]) == (OrderStatus.DENIED, "STATE")


@pytest.mark.parametrize(("answer", "status"), [(Answer.APPROVED, "filled"), (Answer.REJECTED, "denied")])
def test_a_large_trim_waits_for_a_person_who_sees_the_preview(drifted, answer, status):
    drifted.services = replace(drifted.services, approval_above_usd=1_000)
    (sale,) = rebalance(drifted, SECOND)
    send(drifted, SECOND)
    assert drifted.status(sale) == [OrderStatus.PLANNED]
    request = request_for(drifted.services, BOOK, slot(SECOND), DecisionKind.REBALANCE)
    assert "sell NVDA for" in request.subject
    assert "once the sales have had their hour" in request.body
    settle(drifted.services, BOOK, slot(SECOND), DecisionKind.REBALANCE, answer, by="ann")
    send(drifted, SECOND)
    assert [s.value for s in drifted.status(sale)] == [status]


def test_a_preview_of_now_stores_nothing(drifted):
    drifted.decide(SECOND)
    facts(drifted, SECOND, NVDA=130.0)
    preview, is_stored = shown(drifted.services, SPEC, BOOK, None)
    assert (is_stored, preview.trades[0].symbol) == (False, "NVDA")
    assert any("sell" in line for line in preview.lines())
    with drifted.services.store.transaction() as tx:
        assert tx.decisions.newest(BOOK, DecisionKind.REBALANCE) is None
    with pytest.raises(PermanentError, match="has no rebalance at"):
        shown(drifted.services, SPEC, BOOK, slot(FIRST).as_of)


def test_the_decision_is_named_by_its_kind_and_hour(drifted):
    (sale,) = rebalance(drifted, SECOND)
    assert sale.decision_id == decision_id_for(BOOK, DecisionKind.REBALANCE, slot(SECOND).as_of)
