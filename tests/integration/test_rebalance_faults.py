"""A rebalance at the paper gateway that goes wrong: a part of a fill, a kill at any call, two writers at once."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from trading.adapters.ibkr import IbkrGate
from trading.adapters.ibkr.broker import IbkrBroker
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.decisions import PostgresDecisionRows
from trading.adapters.postgres_store.ledger import PostgresLedgerRows
from trading.adapters.postgres_store.orders import PostgresOrderRows
from trading.adapters.postgres_store.risk import PostgresRiskRows
from trading.domain.decisions import DecisionKind
from trading.domain.orders import OrderPurpose, OrderStatus
from trading.ports import Services, Sources
from trading.tasks.execute import execute

from tests.fakes import ACCOUNT, FixedClock, flat_bars, ny
from tests.integration.order_desk import BOOK, CALENDAR, MONDAY, desk_on, slot
from tests.integration.side_by_side import run_side_by_side
from tests.integration.test_execute_kills import retry
from tests.integration.test_rebalance_desk import (
    FIRST,
    FOURTH,
    SECOND,
    THIRD,
    buy,
    facts,
    guards_of,
    rebalance,
    send,
)
from tests.integration.test_two_copies import run_as_airflow_does

NVDA_PRICE = 130.0
MEETING_SECONDS = 60


@pytest.fixture
def drifted(store, bars):
    """A desk that holds NVDA over its target and AAPL under it, an hour after it bought them."""
    with desk_on(store, bars + flat_bars("AMD", MONDAY, 5)) as desk:
        desk.sync(FIRST)
        buy(desk, FIRST, NVDA=0.1, AAPL=0.06)
        desk.sync(SECOND)
        facts(desk, SECOND, NVDA=NVDA_PRICE)
        yield desk


# --- a part of a fill ---------------------------------------------------------------------------------


def test_after_a_part_of_the_sale_the_buy_is_paid_from_the_cash_that_is_there_and_the_rest_is_not_sold_again(drifted):
    (sale,) = rebalance(drifted, SECOND)
    drifted.gateway.tell("partial", symbol="NVDA", shares=10)
    send(drifted, SECOND)
    drifted.gateway.tell("partial", symbol="NVDA", shares=0)
    drifted.sync(THIRD)
    assert drifted.held()["NVDA"] == 89
    facts(drifted, THIRD, NVDA=NVDA_PRICE)
    head, *guards = rebalance(drifted, THIRD)
    assert (head.symbol, head.purpose, head.status, len(guards)) == ("AAPL", OrderPurpose.ENTRY, OrderStatus.PLANNED, 2)
    with drifted.services.store.transaction() as tx:
        preview = tx.risk.preview(head.decision_id)
    assert preview.cash_before_usd == float(drifted.cash()), "what the sale has not brought is not in it"
    assert drifted.status(sale) == [OrderStatus.PARTIALLY_FILLED]
    drifted.gateway.tell("partial", symbol="NVDA", shares=None)
    send(drifted, THIRD)
    drifted.sync(FOURTH)
    assert drifted.held()["NVDA"] == 99 - sale.quantity, "the rest of the one sale, not a second one"
    assert set(guards_of(drifted, "NVDA")) == {99 - sale.quantity}


# --- kills -----------------------------------------------------------------------------------------------

STEPS = [
    (IbkrBroker, "snapshot"), (IbkrBroker, "submit"), (PostgresOrderRows, "reserve"), (PostgresOrderRows, "record"),
    (PostgresOrderRows, "settle_intent"), (PostgresLedgerRows, "add_booking"), (PostgresDecisionRows, "add"),
    (PostgresRiskRows, "add_rebalance"),
]  # fmt: skip


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
def test_killed_at_any_call_of_sales_and_buys_the_retries_end_with_each_once(drifted, monkeypatch, owner, name, after):
    def decide_and_send(at: str) -> None:
        rebalance(drifted, at)
        send(drifted, at)

    retry(decide_and_send, SECOND, monkeypatch, owner, name, after)
    (sale,) = rebalance(drifted, SECOND)
    assert drifted.status(sale) == [OrderStatus.FILLED]
    drifted.sync(THIRD)
    facts(drifted, THIRD, NVDA=NVDA_PRICE)
    retry(decide_and_send, THIRD, monkeypatch, owner, name, after)
    head, *_ = rebalance(drifted, THIRD)
    assert (head.symbol, *drifted.status(head)) == ("AAPL", OrderStatus.FILLED)
    drifted.sync(FOURTH)
    refs = Counter(drifted.refs_at_broker())
    assert (refs[sale.order_id], refs[head.order_id]) == (1, 1)
    held = drifted.held()
    assert held == {"NVDA": 99 - sale.quantity, "AAPL": 59 + head.quantity}
    assert {s: set(guards_of(drifted, s)) for s in held} == {s: {q} for s, q in held.items()}


# --- two writers -----------------------------------------------------------------------------------------


def a_writer(place, kind, meeting) -> None:
    """Be the process that sends the decision of one kind, three times over."""
    gate = IbkrGate("127.0.0.1", place[1], 11, ACCOUNT, place[2])
    services = Services(PostgresStore(place[0]), CALENDAR, FixedClock(ny(FIRST)), Sources(), gate)

    def sending(services, spec, book, hour):
        return execute(services, spec, book, hour, kind=kind)

    for _ in range(3):
        meeting.wait(MEETING_SECONDS)
        run_as_airflow_does(sending, services, slot(SECOND), book=BOOK)


def send_both_at_once(*place) -> list[int | None]:
    """Send the hourly and the rebalance decision in two processes and return their exit codes."""
    kinds = DecisionKind.HOURLY, DecisionKind.REBALANCE
    return run_side_by_side(a_writer, *((place, kind) for kind in kinds), patience_seconds=120)


def test_the_hour_and_its_rebalance_sent_at_once_send_each_order_once(drifted, database_url):
    entry, *_ = drifted.enter(SECOND, "AMD", 0.05)
    facts(drifted, SECOND, NVDA=NVDA_PRICE)
    (sale,) = rebalance(drifted, SECOND)
    before = len(drifted.refs_at_broker())
    assert send_both_at_once(database_url, drifted.gateway.port, drifted.gateway.control_port) == [0, 0]
    refs = Counter(drifted.refs_at_broker())
    assert (refs[entry.order_id], refs[sale.order_id], len(drifted.refs_at_broker())) == (1, 1, before + 4)
    assert drifted.status(entry, sale) == [OrderStatus.FILLED, OrderStatus.FILLED]
    drifted.sync(THIRD)
    assert drifted.held() == {"NVDA": 99 - sale.quantity, "AAPL": Decimal(59), "AMD": entry.quantity}


def test_a_trim_and_an_exit_of_one_name_at_once_sell_no_share_twice(drifted, database_url):
    (sale,) = rebalance(drifted, SECOND)
    leaving = drifted.sell(SECOND, 99)
    facts(drifted, SECOND, NVDA=NVDA_PRICE)
    assert send_both_at_once(database_url, drifted.gateway.port, drifted.gateway.control_port) == [0, 0]
    drifted.sync(THIRD)
    assert drifted.held().get("NVDA", 0) in (0, 99 - sale.quantity)
    assert not set(guards_of(drifted, "NVDA")) - {drifted.held().get("NVDA")}
    assert OrderStatus.FILLED in drifted.status(sale, leaving)
