"""The paper gateway's own statement, over its socket, through the desk's import and reconciliation."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

import pytest
from trading.adapters.flex import FlexStatements
from trading.domain.portfolio import TradingState
from trading.errors import PermanentError
from trading.gateway.flex_server import EXPIRED_TOKEN, FLEX_TOKEN, FlexServer
from trading.tasks.reconcile import reconcile
from trading.tasks.statements import import_statement

from tests.fakes import ACCOUNT, flat_bars, ny, with_prices
from tests.integration.order_desk import BOOK, MONDAY, SPEC, desk_on, slot


@contextmanager
def statements_of(gateway, token: str = FLEX_TOKEN):
    """Serve the gateway's statements on a thread of its own and yield a client for them."""
    loop = asyncio.new_event_loop()
    server = FlexServer(gateway.gateway)
    port = loop.run_until_complete(server.listen(0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield FlexStatements(f"http://127.0.0.1:{port}/FlexWebService", token, "42", account=ACCOUNT, poll_seconds=0.0)
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@pytest.fixture
def bought(desk):
    """The desk after an entry that filled, synced at the next hour."""
    desk.sync("2019-06-03 10:30")
    legs = desk.enter("2019-06-03 10:30")
    desk.execute("2019-06-03 10:30")
    return desk, legs


def take(desk, source, at: str = "2019-06-03 16:00"):
    return import_statement(replace(desk.services, statements=source), SPEC, BOOK, slot(at))


def test_the_statement_of_a_plain_day_adds_nothing(bought):
    desk, _ = bought
    desk.sync("2019-06-03 16:00")
    with statements_of(desk.gateway) as source:
        found = take(desk, source)
    assert (found.degraded, found.counts["executions"], found.counts["cash_items"]) == (False, 0, 0)
    assert reconcile(desk.services, SPEC, BOOK, slot("2019-06-03 16:00")).counts["differences"] == 0


def test_an_execution_that_midnight_swallowed_comes_back_with_the_statement(store):
    fall = with_prices(flat_bars("NVDA", MONDAY, 5), ny("2019-06-04 10:00"), (80.0, 80.0, 80.0, 80.0))
    with desk_on(store, fall) as desk, statements_of(desk.gateway) as source:
        desk.sync("2019-06-03 10:30")
        desk.enter("2019-06-03 10:30")
        desk.execute("2019-06-03 10:30")
        assert desk.held() == {"NVDA": 99}
        desk.gateway.tell("advance", to=ny("2019-06-05 08:00").isoformat())
        found = take(desk, source, "2019-06-04 16:00")
        assert (found.counts["executions"], found.degraded) == (1, False)
        assert desk.held() == {}
        assert reconcile(desk.services, SPEC, BOOK, slot("2019-06-04 16:00")).counts["differences"] == 0


def test_b19_cash_that_the_broker_moved_is_booked_from_its_statement(bought):
    desk, _ = bought
    desk.sync("2019-06-03 16:00")
    desk.gateway.tell("cash", kind="fee", amount_usd="-12.5", text="market data")
    with statements_of(desk.gateway) as source:
        assert take(desk, source).counts["cash_items"] == 1
    assert reconcile(desk.services, SPEC, BOOK, slot("2019-06-03 16:00")).counts["differences"] == 0
    assert desk.state() is TradingState.ACTIVE


def test_b19_cash_that_no_statement_explains_halts(bought):
    desk, _ = bought
    desk.sync("2019-06-03 16:00")
    desk.gateway.tell("cash", kind="fee", amount_usd="-12.5", text="market data")
    found = reconcile(desk.services, SPEC, BOOK, slot("2019-06-03 16:00"))
    assert "cash" in found.notes[0]
    assert desk.state() is TradingState.HALTED
    assert Decimal(0) not in desk.held().values()


def test_a_statement_that_is_still_being_made_is_waited_for(bought):
    desk, _ = bought
    desk.gateway.tell("flex_error", code=1019)
    with statements_of(desk.gateway) as source:
        assert source.fetch()[1].account == ACCOUNT


def test_an_expired_token_says_what_to_do(bought):
    desk, _ = bought
    with statements_of(desk.gateway, EXPIRED_TOKEN) as source, pytest.raises(PermanentError, match="new one"):
        source.fetch()
