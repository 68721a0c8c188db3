"""The published reconciliation cases, each played through the desk's own statement import and reconciliation."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from trading.accounting.lots import book_fill
from trading.adapters.flex_statement import read_statement
from trading.domain.decisions import Decision, DecisionKind
from trading.domain.fills import Fill
from trading.domain.orders import Order, OrderEvent, OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.domain.portfolio import TradingState
from trading.domain.signals import Targets
from trading.ports import BrokerOrder, Services, Sources
from trading.tasks.reconcile import reconcile
from trading.tasks.statements import import_statement

from tests.fakes import FakeBroker, FixedClock, WeekdayCalendar
from tests.flex_service import cash, statement
from tests.integration.reconcile_desk import AS_OF, BOOK, NIGHT, SLOT, SPEC, answers, state_of
from tests.oracles import oracle

ENTRY = Order(
    "K1", BOOK, "d", "AAPL", Side.BUY, Decimal(100), OrderType.MARKET, TimeInForce.DAY, OrderPurpose.ENTRY, AS_OF
)
STOP = replace(ENTRY, order_id="S1", side=Side.SELL, time_in_force=TimeInForce.GTC, purpose=OrderPurpose.STOP)
TARGET = replace(STOP, order_id="T1", purpose=OrderPurpose.TARGET)
FILL = Fill("a1", "K1", BOOK, "AAPL", Side.BUY, Decimal(100), Decimal(270), Decimal(0), AS_OF)


class OneStatement:
    def __init__(self, text: str) -> None:
        self._body = text.encode()

    def fetch(self):
        return self._body, read_statement(self._body)


def a_broker(case) -> FakeBroker:
    """The broker's side: the entry filled, its stop working for what our own order bought."""
    theirs = case["broker"]
    broker = FakeBroker(NIGHT, cash_usd=Decimal(str(theirs["cash"])), fills=[FILL] if theirs["fills"] else [])
    broker.positions = {symbol: Decimal(shares) for symbol, shares in theirs["pos"].items()}
    sizes = (Decimal(100), Decimal(100))
    broker.orders["K1"] = BrokerOrder("K1", 1, 1001, "AAPL", OrderStatus.FILLED, *sizes, Side.BUY)
    waiting = (Decimal(100), Decimal(0))
    for number, ref in enumerate(("S1", "T1"), start=2):
        broker.orders[ref] = BrokerOrder(ref, number, 1000 + number, "AAPL", OrderStatus.SUBMITTED, *waiting, Side.SELL)
    return broker


def a_desk(store, case, broker: FakeBroker) -> Services:
    """Our side: the entry sent, and its fill booked where the case says so."""
    decision = Decision("d", BOOK, DecisionKind.HOURLY, AS_OF, AS_OF, AS_OF.date(), False, "s", "s", "c", "h", 1e5)
    with store.transaction() as tx:
        tx.ledger.open_book(BOOK, strategy="s", spec_hash="h", opened_at=AS_OF, cash_usd=Decimal(100_000))
        tx.decisions.add(decision, [], Targets(AS_OF, 1e5, {}), [ENTRY, STOP, TARGET])
        for order in (ENTRY, STOP, TARGET):
            reserved = tx.orders.record(order, OrderEvent(order.order_id, OrderStatus.RESERVED, AS_OF))
            tx.orders.record(reserved, OrderEvent(order.order_id, OrderStatus.SUBMITTED, AS_OF))
        if case["local"]["fills"]:
            tx.ledger.add_booking(book_fill(FILL, ()))
        assert tx.ledger.portfolio(BOOK, NIGHT).cash_usd == Decimal(str(case["local"]["cash"]))
    return Services(store, WeekdayCalendar(), FixedClock(NIGHT), Sources(), broker)


def verdict_of(case_fills: int, items: int, reason: str | None) -> str:
    if reason:
        return "halt"
    if case_fills:
        return "adopt_fill"
    return "adopt_cash_item" if items else "ok"


@pytest.mark.parametrize("case_id", ["RS1", "RS2", "RS3", "RS4", "RS5"])
def test_a_published_case_ends_as_published(store, database_url, case_id):
    (case,) = [c for c in oracle("reconciliation_cases.json")["cases"] if c["id"] == case_id]
    ask = answers(database_url)
    broker = a_broker(case)
    desk = a_desk(store, case, broker)
    items = [cash("77", i["type"], str(i["amount"]), symbol=i["symbol"]) for i in case["broker"].get("cash_items", ())]
    before = ask("SELECT count(*) FROM desk.fills")[0][0]
    adopted = import_statement(replace(desk, statements=OneStatement(statement(*items))), SPEC, BOOK, SLOT)
    found = reconcile(desk, SPEC, BOOK, SLOT)
    added = ask("SELECT count(*) FROM desk.fills")[0][0] - before
    breaks = [kind for (kind,) in ask("SELECT kind FROM ops.breaks WHERE closed_at IS NULL")]

    expected = case["expected"]
    is_halted = state_of(desk) is TradingState.HALTED
    assert verdict_of(added, adopted.counts["cash_items"], breaks[0] if is_halted else None) == expected["verdict"]
    assert added == expected.get("ledger_rows_added", 0)
    assert is_halted == (expected["trading"] == "blocked")
    assert breaks == (["position"] if expected.get("reason") == "unexplained_position" else [])
    assert found.counts["differences"] == len(breaks)
    with desk.store.transaction() as tx:
        assert (tx.reconciliations.gate(BOOK) is None) == (not is_halted)
