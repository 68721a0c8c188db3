"""What the account may buy, asked through the real client at the gateway before anything is ordered."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from trading.domain.instruments import ClientCategory, Universe
from trading.ports import BrokerRole
from trading.strategy.three_sector import technical_core
from trading.tasks.preflight import ask_ahead

from tests.fakes import flat_bars, memory_feed, ny, running_gateway
from tests.integration.order_desk import BOOK, services_at

LISTED = ("GLD", "NVDA")
CORE = technical_core()
SPEC = replace(CORE, universe=Universe(tuple(i for i in CORE.universe if i.symbol in (*LISTED, "TSLA"))))


@pytest.fixture
def gateway():
    bars = [bar for symbol in LISTED for bar in flat_bars(symbol, date(2019, 6, 3), 5)]
    with running_gateway(memory_feed(bars), ny("2019-06-03 10:30")) as running:
        yield running


def answers(services) -> dict[str, tuple[bool, bool]]:
    return {a.symbol: (a.is_signal_only, a.is_surprise) for a in ask_ahead(services, SPEC, BOOK)}


def test_the_broker_is_asked_about_each_symbol_and_nothing_is_ordered(store, gateway):
    services = services_at(store, gateway)
    assert answers(services) == {"GLD": (False, False), "NVDA": (False, False), "TSLA": (False, True)}
    words = {a.symbol: a.refusal for a in ask_ahead(services, SPEC, BOOK)}
    assert (words["GLD"], words["NVDA"]) == (None, None)
    assert "TSLA" in words["TSLA"]
    assert gateway.orders() == []
    with services.broker.connect(BrokerRole.WRITER) as broker:
        assert broker.snapshot(BOOK).orders == ()


def test_a_retail_client_of_the_eu_sees_what_is_signal_only_though_this_broker_would_sell_it(store, gateway):
    services = replace(services_at(store, gateway), client_category=ClientCategory.EU_RETAIL)
    assert answers(services) == {"GLD": (True, False), "NVDA": (False, False), "TSLA": (False, True)}


def test_an_account_without_money_is_told_so_by_the_broker(store, gateway):
    gateway.tell("cash", amount_usd="-99990", kind="withdrawal")
    services = services_at(store, gateway)
    words = {a.symbol: a.refusal for a in ask_ahead(services, SPEC, BOOK)}
    assert words["NVDA"].startswith("it warns: ")
