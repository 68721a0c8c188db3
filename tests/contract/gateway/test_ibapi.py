"""IB's official client against the gateway."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator

import pytest

from tests.contract.gateway.ibapi_client import IbapiClient, needs_ibapi
from tests.contract.gateway.market import NOW
from tests.fakes import ACCOUNT, RunningGateway, ny

pytestmark = needs_ibapi
VERSIONS = (157, 163, 164, 166, 170, 176, 177, 178)


@pytest.fixture
def connect(gateway: RunningGateway) -> Iterator[Callable[..., IbapiClient]]:
    opened: list[IbapiClient] = []

    def open_client(client_id: int = 11) -> IbapiClient:
        opened.append(IbapiClient(gateway, client_id))
        return opened[-1]

    yield open_client
    for client in opened:
        client.close()


@pytest.fixture
def client(connect: Callable[..., IbapiClient]) -> IbapiClient:
    connected = connect()
    connected.wait("nextValidId")
    return connected


def last_status(client: IbapiClient, order_id: int) -> str:
    return [a[1] for a in client.heard["orderStatus"] if a[0] == order_id][-1]


def test_the_handshake_gives_version_account_and_first_id(client: IbapiClient) -> None:
    assert client.app.serverVersion() == 178
    assert client.wait("managedAccounts") == [(ACCOUNT,)]
    assert client.heard["nextValidId"] == [(1,)]


def test_the_time_is_the_simulated_present(client: IbapiClient) -> None:
    client.settle()
    assert client.heard["currentTime"] == [(int(NOW.timestamp()),)]


def test_account_updates_end_and_say_that_the_account_is_simulated(client: IbapiClient) -> None:
    client.app.reqAccountUpdates(True, ACCOUNT)
    client.wait("accountDownloadEnd")
    values = {a[0]: a[1] for a in client.heard["updateAccountValue"]}
    assert (values["NetLiquidation"], values["AirdeskSimulated"]) == ("100000.00", "SIMULATED")


def test_the_account_summary_holds_what_was_asked_for(client: IbapiClient) -> None:
    client.app.reqAccountSummary(1, "All", "TotalCashValue")
    client.wait("accountSummaryEnd")
    assert {a[2] for a in client.heard["accountSummary"]} == {"TotalCashValue", "AirdeskSimulated"}


def test_contract_details_and_the_market_rule(client: IbapiClient) -> None:
    client.app.reqContractDetails(2, client.stock())
    client.wait("contractDetailsEnd")
    details = client.heard["contractDetails"][0][1]
    assert details.contract.conId > 0
    assert details.liquidHours.startswith("20190603:0930-20190603:1600")
    client.app.reqMarketRule(int(details.marketRuleIds))
    [(_, bands)] = client.wait("marketRule")
    assert [(b.lowEdge, b.increment) for b in bands] == [(0, 0.0001), (1, 0.01)]


def test_an_unknown_symbol_is_answered_with_200(client: IbapiClient) -> None:
    client.app.reqContractDetails(3, client.stock("ZZZZ"))
    client.settle()
    assert 200 in client.codes


def test_symbols_are_found_by_their_beginning(client: IbapiClient) -> None:
    client.app.reqMatchingSymbols(4, "AA")
    [(_, found)] = client.wait("symbolSamples")
    assert [d.contract.symbol for d in found] == ["AAPL"]


def test_a_snapshot_brings_sides_last_and_halt_and_ends(client: IbapiClient) -> None:
    client.app.reqMktData(5, client.stock(), "", True, False, [])
    client.wait("tickSnapshotEnd")
    prices = {a[1]: a[2] for a in client.heard["tickPrice"]}
    assert (prices[1], prices[2], prices[4]) == (99.95, 100.05, 100)
    assert client.heard["tickGeneric"] == [(5, 49, 0)]


def test_delayed_data_has_tick_types_of_its_own(gateway: RunningGateway, client: IbapiClient) -> None:
    gateway.tell("live_data", is_subscribed=False)
    client.app.reqMarketDataType(3)
    client.app.reqMktData(6, client.stock(), "", True, False, [])
    client.wait("tickSnapshotEnd")
    assert {a[1] for a in client.heard["tickPrice"]} == {66, 67, 68, 72, 73, 75, 76}
    assert client.heard["tickGeneric"] == [(6, 90, 0)]
    assert [a[1] for a in client.heard["tickString"]] == [88]
    assert 10167 in client.codes


def test_hourly_bars_begin_at_half_past_nine(gateway: RunningGateway, client: IbapiClient) -> None:
    gateway.tell("advance", to=ny("2019-06-03 16:00").isoformat())
    client.app.reqHistoricalData(7, client.stock(), "", "1 D", "1 hour", "TRADES", 1, 1, False, [])
    client.wait("historicalDataEnd")
    dates = [a[1].date for a in client.heard["historicalData"]]
    assert (dates[0], len(dates)) == ("20190603 09:30:00 US/Eastern", 7)


def test_a_market_order_fills_with_execution_and_commission(client: IbapiClient) -> None:
    client.place(1, "BUY", 3, orderRef="m")
    [(_, _, execution)] = client.wait("execDetails")
    assert (execution.orderRef, execution.side, execution.shares) == ("m", "BOT", 3)
    assert last_status(client, 1) == "Filled"
    assert [a[0].execId for a in client.wait("commissionAndFeesReport")] == [execution.execId]


def test_a_fill_is_told_in_the_order_of_the_captures(client: IbapiClient) -> None:
    about_orders = {"openOrder", "orderStatus", "execDetails", "commissionAndFeesReport"}
    client.place(1, "BUY", 3)
    told = [name for name in client.sequence if name in about_orders]
    told_pair = ["openOrder", "orderStatus"]
    assert told == [*told_pair, "execDetails", *told_pair, "commissionAndFeesReport"]
    assert [a[1] for a in client.heard["orderStatus"]] == ["Submitted", "Filled"]


def test_positions_and_the_portfolio(client: IbapiClient) -> None:
    client.place(1, "BUY", 3)
    client.app.reqPositions()
    client.wait("positionEnd")
    assert [(a[0], a[1].symbol, a[2]) for a in client.heard["position"]] == [(ACCOUNT, "NVDA", 3)]
    client.app.reqAccountUpdates(True, ACCOUNT)
    client.wait("accountDownloadEnd")
    assert [(a[1], a[2]) for a in client.heard["updatePortfolio"]] == [(3, 100)]


def test_an_order_held_back_is_silent_until_its_family_is_sent(client: IbapiClient) -> None:
    client.place(1, "BUY", 3, "LMT", lmtPrice=95.0, tif="GTC", transmit=False)
    assert client.heard["openOrder"] == []
    client.place(2, "SELL", 3, "TRAIL", trailingPercent=12.0, tif="GTC", parentId=1)
    orders = {a[0]: a[2] for a in client.heard["openOrder"]}
    assert (orders[2].trailingPercent, orders[2].parentId, orders[2].tif) == (12, 1, "GTC")
    assert [a[9] for a in client.heard["orderStatus"] if a[0] == 2] == ["child,trigger"]


def test_a_change_keeps_the_permanent_id(gateway: RunningGateway, client: IbapiClient) -> None:
    client.place(1, "BUY", 3, "LMT", lmtPrice=95.0, tif="GTC")
    client.place(1, "BUY", 3, "LMT", lmtPrice=96.0, tif="GTC")
    assert len({a[2].permId for a in client.heard["openOrder"]}) == len(gateway.orders()) == 1


def test_a_cancel_is_followed_by_202(client: IbapiClient) -> None:
    client.place(1, "BUY", 3, "LMT", lmtPrice=95.0, tif="GTC")
    client.cancel(1)
    assert last_status(client, 1) == "Cancelled"
    assert 202 in client.codes


def test_open_orders_completed_orders_and_executions_end(client: IbapiClient) -> None:
    client.place(1, "BUY", 3, orderRef="done")
    client.place(2, "BUY", 3, "LMT", lmtPrice=95.0, tif="GTC", orderRef="open")
    client.heard["openOrder"].clear()
    client.app.reqAllOpenOrders()
    client.wait("openOrderEnd")
    assert [a[2].orderRef for a in client.heard["openOrder"]] == ["open"]
    client.app.reqCompletedOrders(False)
    client.wait("completedOrdersEnd")
    assert [(a[1].orderRef, a[2].completedStatus) for a in client.heard["completedOrder"]] == [
        ("done", "Filled Size: 3")
    ]
    client.app.reqExecutions(9, importlib.import_module("ibapi.execution").ExecutionFilter())
    client.wait("execDetailsEnd")
    assert client.heard["execDetails"][-1][0] == 9


def test_what_if_answers_margins_and_creates_nothing(gateway: RunningGateway, client: IbapiClient) -> None:
    client.place(1, "BUY", 10, whatIf=True)
    [(_, _, order, state)] = client.heard["openOrder"]
    assert order.whatIf
    assert float(state.initMarginChange) == pytest.approx(1000, abs=1)
    assert gateway.orders() == []


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        (110, {"kind": "LMT", "lmtPrice": 95.005}),
        (135, {"kind": "LMT", "lmtPrice": 95.0, "parentId": 999}),
        (201, {"kind": "LMT", "lmtPrice": 150.0}),
        (321, {"kind": "FEELINGS"}),
        (10349, {"kind": "LMT", "lmtPrice": 95.0, "tif": ""}),
    ],
)
def test_codes_reach_the_client(client: IbapiClient, code: int, fields: dict) -> None:
    client.place(1, "BUY", 1, **fields)
    assert (1, code) in [(a[0], a[2]) for a in client.heard["error"]]


def test_a_duplicate_id_is_refused_with_103(client: IbapiClient) -> None:
    client.place(5, "BUY", 1)
    client.place(4, "BUY", 1)
    assert 103 in client.codes


def test_a_client_id_in_use_is_refused_with_326(client: IbapiClient, connect) -> None:
    second = connect()
    second.wait("connectionClosed")
    assert 326 in second.codes


def test_a_lost_and_regained_broker_is_told(gateway: RunningGateway, client: IbapiClient) -> None:
    gateway.tell("connectivity", code=1100)
    gateway.tell("connectivity", code=1102)
    client.settle()
    assert [c for c in client.codes if c in (1100, 1102)] == [1100, 1102]


def test_a_reconnect_finds_the_order_and_the_next_id_where_they_were(client: IbapiClient, connect) -> None:
    client.place(7, "SELL", 5, "TRAIL", trailingPercent=12.0, tif="GTC", orderRef="stop")
    client.close()
    again = connect()
    assert again.wait("nextValidId") == [(8,)]
    again.app.reqOpenOrders()
    again.wait("openOrderEnd")
    assert [(a[0], a[2].orderRef) for a in again.heard["openOrder"]] == [(7, "stop")]


def test_a_dropped_connection_is_noticed(gateway: RunningGateway, client: IbapiClient) -> None:
    gateway.tell("drop_clients")
    client.wait("connectionClosed")
    assert not client.app.isConnected()


@pytest.mark.parametrize("version", VERSIONS)
def test_every_message_is_read_alike_at_each_version(monkeypatch, connect, version: int) -> None:
    monkeypatch.setattr(importlib.import_module("ibapi.client"), "MAX_CLIENT_VER", version)
    client = connect()
    client.wait("nextValidId")
    assert client.app.serverVersion() == version
    client.app.reqContractDetails(1, client.stock())
    client.wait("contractDetailsEnd")
    assert client.heard["contractDetails"][0][1].stockType == "COMMON"
    client.app.reqMatchingSymbols(2, "NV")
    assert client.wait("symbolSamples")[0][1][0].contract.symbol == "NVDA"
    client.place(1, "SELL", 5, "TRAIL", trailingPercent=12.0, tif="GTC", orderRef="t")
    client.place(2, "BUY", 5, orderRef="e")
    assert client.heard["execDetails"][0][2].orderRef == "e"
    [trail] = [a[2] for a in client.heard["openOrder"] if a[0] == 1]
    assert (trail.trailStopPrice, trail.autoCancelParent, trail.usePriceMgmtAlgo) == (88, False, False)
    client.cancel(1)
    client.app.reqCompletedOrders(False)
    client.wait("completedOrdersEnd")
    assert {a[1].orderRef: a[2].status for a in client.heard["completedOrder"]} == {"t": "Cancelled", "e": "Filled"}
    assert {a[2].completedTime[:8] for a in client.heard["completedOrder"]} == {"20190603"}
