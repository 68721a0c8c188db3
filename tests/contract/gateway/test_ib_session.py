"""ib_insync and ib_async: connecting, the account, contracts."""

from __future__ import annotations

import pytest

from tests.contract.gateway.ib_client import NAME, VERSIONS, needs_library
from tests.contract.gateway.market import NOW
from tests.fakes import ACCOUNT

pytestmark = needs_library


def test_the_client_connects_with_its_own_synchronisation(connect) -> None:
    client = connect()
    assert client.ib.isConnected()
    assert client.ib.client.serverVersion() == {"ib_insync": 176, "ib_async": 178}[NAME]
    assert client.ib.managedAccounts() == [ACCOUNT]


def test_the_farms_report_and_say_that_they_are_simulated(connect) -> None:
    texts = {code: text for _, code, text in connect().errors}
    assert set(texts) >= {2104, 2106, 2158}
    assert all("SIMULATED" in texts[code] for code in (2104, 2106, 2158))


def test_the_time_is_the_simulated_present(connect) -> None:
    assert connect().ib.reqCurrentTime() == NOW


def test_a_client_id_in_use_is_refused_with_326_and_free_again_afterwards(connect) -> None:
    first = connect(11)
    with pytest.raises((TimeoutError, ConnectionError)):
        connect(11, timeout=0.3)
    first.close()
    assert connect(11).ib.isConnected()


@pytest.mark.parametrize(("offered", "announced"), [(158, 157), *((v, v) for v in VERSIONS.get(NAME, ()))])
def test_the_announced_version_is_the_smaller_maximum_and_never_158(connect, offered: int, announced: int) -> None:
    assert connect(max_version=offered).ib.client.serverVersion() == announced


def test_account_values_come_with_the_mark_of_a_simulated_account(connect) -> None:
    values = {v.tag: v.value for v in connect().ib.accountValues()}
    assert values["TotalCashValue"] == values["NetLiquidation"] == "100000.00"
    assert values["AirdeskSimulated"] == "SIMULATED"


def test_the_account_summary_holds_cash_and_buying_power(connect) -> None:
    tags = {v.tag: v.value for v in connect().ib.accountSummary()}
    assert tags["TotalCashValue"] == "100000.00"
    assert float(tags["BuyingPower"]) >= 100_000


def test_positions_and_the_portfolio_follow_each_execution(connect) -> None:
    client = connect()
    client.place("BUY", 10)
    [position] = client.ib.positions()
    assert (position.contract.symbol, position.position, position.account) == ("NVDA", 10, ACCOUNT)
    [item] = client.ib.portfolio()
    assert (item.position, item.marketPrice, item.marketValue) == (10, 100, 1000)
    assert item.averageCost == position.avgCost > 100


def test_cash_that_comes_in_is_told_to_subscribers(gateway, connect) -> None:
    client = connect()
    gateway.tell("cash", kind="deposit", amount_usd="500.00")
    client.settle()
    assert {v.tag: v.value for v in client.ib.accountValues()}["TotalCashValue"] == "100500.00"


def test_account_updates_for_one_model_end(connect) -> None:
    client = connect()
    client.ib.reqAccountUpdatesMulti(ACCOUNT)
    client.settle()
    assert any(v.tag == "NetLiquidation" for v in client.ib.accountValues(ACCOUNT))


def test_a_second_client_works_beside_the_first(connect) -> None:
    assert [connect(n).ib.isConnected() for n in (11, 21, 31)] == [True, True, True]


# --- contracts ----------------------------------------------------------------------------------


def test_a_symbol_is_qualified_to_a_contract_and_back(connect) -> None:
    client = connect()
    [found] = client.ib.qualifyContracts(client.stock())
    [again] = client.ib.qualifyContracts(client.lib.Contract(conId=found.conId))
    assert found.conId > 0
    assert (again.symbol, again.secType, again.currency) == ("NVDA", "STK", "USD")


def test_contract_details_tell_hours_increments_and_sizes(connect) -> None:
    client = connect()
    [details] = client.ib.reqContractDetails(client.stock())
    assert details.minTick == 0.01
    assert details.liquidHours.startswith("20190603:0930-20190603:1600;20190604:0930-")
    assert "20190608:CLOSED" in details.liquidHours
    assert (details.minSize, details.suggestedSizeIncrement, details.stockType) == (0.0001, 100, "COMMON")
    assert "SIMULATED" in details.longName


def test_the_market_rule_of_a_contract_gives_its_price_bands(connect) -> None:
    client = connect()
    [details] = client.ib.reqContractDetails(client.stock())
    bands = client.ib.reqMarketRule(int(details.marketRuleIds.split(",")[0]))
    assert [(band.lowEdge, band.increment) for band in bands] == [(0, 0.0001), (1, 0.01)]


def test_the_volatility_index_is_an_index_at_cboe(connect) -> None:
    client = connect()
    [found] = client.ib.qualifyContracts(client.lib.Index("VIX", "CBOE", "USD"))
    assert (found.secType, found.exchange) == ("IND", "CBOE")


def test_an_unknown_symbol_is_answered_with_200(connect) -> None:
    client = connect()
    assert client.ib.reqContractDetails(client.stock("ZZZZ")) == []
    assert 200 in client.codes


def test_another_currency_is_no_contract_here(connect) -> None:
    client = connect()
    assert client.ib.reqContractDetails(client.lib.Stock("NVDA", "SMART", "EUR")) == []
    assert 200 in client.codes


def test_symbols_are_found_by_their_beginning(connect) -> None:
    found = connect().ib.reqMatchingSymbols("A")
    assert {d.contract.symbol for d in found} == {"AAPL", "AMD"}


# --- what changes between versions --------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS.get(NAME, ()))
def test_every_message_is_read_alike_at_each_version(connect, version: int) -> None:
    client = connect(max_version=version)
    [details] = client.ib.reqContractDetails(client.stock())
    assert details.minTick == 0.01
    assert details.stockType == "COMMON"
    assert client.ib.reqMatchingSymbols("NV")[0].contract.symbol == "NVDA"
    trail = client.place("SELL", 5, "TRAIL", trailingPercent=12, tif="GTC", orderRef="t")
    entry = client.place("BUY", 5, orderRef="e")
    assert entry.orderStatus.status == "Filled"
    assert entry.fills[0].execution.orderRef == "e"
    assert entry.fills[0].commissionReport.commission == 1
    refused = client.place("BUY", 5, "FEELINGS")
    assert 321 in client.codes
    assert refused.order.orderRef == ""
    client.close()
    again = connect(max_version=version)
    [seen] = again.ib.openTrades()
    assert (seen.order.orderRef, seen.order.permId) == ("t", trail.order.permId)
    assert (seen.order.trailingPercent, seen.order.trailStopPrice) == (12, 88)
    [done] = again.ib.reqCompletedOrders(False)
    assert (done.order.orderRef, done.orderStatus.status) == ("e", "Filled")
