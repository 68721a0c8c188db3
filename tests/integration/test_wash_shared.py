"""Eight years of real prices: nothing that could wait was sold into a wash sale, nothing was bought into one."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from trading.accounting.tax.ledger import tax_ledger
from trading.accounting.tax.records import WINDOW, Purchase, Sale, Split
from trading.adapters.clock import SystemClock
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.fills import LotMethod
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import ActionKind
from trading.domain.orders import BY_CHOICE, OrderPurpose, Side
from trading.engine.hours import Terms
from trading.engine.replay import replay
from trading.entrypoints.cli_replay import read_history
from trading.execution.costs import CostModel
from trading.ports import Services, Sources
from trading.strategy.catalogue import spec_named
from trading.tasks.facts import timeline_of

from tests.shared_data import import_shared, needs_shared

pytestmark = [pytest.mark.shared, needs_shared, pytest.mark.timeout(600)]

CALENDAR = NyseCalendar()
FIRST, LAST = date(2016, 1, 4), date(2023, 12, 29)


def rows_of(result, facts):
    """Return the rows of Form 8949 of a replay, from its executions and the splits alone."""
    splits = [
        Split(result.book, a.symbol, datetime.combine(a.ex_on, time(tzinfo=UTC)), Decimal(repr(a.value)))
        for a in facts.actions
        if a.kind is ActionKind.SPLIT
    ]
    trades = [
        Purchase(f"lot.{f.fill_id}", f.order_id, f.book, f.symbol, f.executed_at, f.quantity, f.quantity * f.price)
        if f.side is Side.BUY
        else Sale(
            f.fill_id, f.order_id, f.book, f.symbol, f.executed_at, f.quantity, f.quantity * f.price, LotMethod.FIFO
        )
        for f in result.fills
    ]
    return tax_ledger([*splits, *trades]).rows


@pytest.mark.parametrize("strategy", ["three_sector", "technical_core"])
def test_no_wash_sale_comes_of_an_order_that_could_wait(store, strategy):
    import_shared(store, CALENDAR)
    services = Services(store, CALENDAR, SystemClock(), Sources(), broker=None)
    spec, timeline = spec_named(strategy), timeline_of(CALENDAR, FIRST, LAST)
    facts, _ = read_history(services, spec, timeline)
    result = replay(
        spec, facts, timeline, book=BookId(BookKind.REPLAY, "wash"), cash_usd=Decimal(100_000),
        terms=Terms(daily_pricing=True), costs=CostModel(),
    )  # fmt: skip
    purpose = {order.order_id: order.purpose for order in result.orders}
    rows = rows_of(result, facts)
    assert [row for row in rows if row.matches and purpose[row.order_id] in BY_CHOICE] == []
    losses = [row for row in rows if row.economic_usd < 0]
    bought = [fill for fill in result.fills if fill.side is Side.BUY]
    again = [
        (row.symbol, row.sold_on, fill.executed_at.date())
        for row in losses
        for fill in bought
        if fill.symbol == row.symbol and row.sold_on < fill.executed_at.date() <= row.sold_on + WINDOW
    ]
    assert again == []
    if strategy == "technical_core":
        assert sum(purpose[row.order_id] is OrderPurpose.RULE_EXIT for row in losses) > 5
