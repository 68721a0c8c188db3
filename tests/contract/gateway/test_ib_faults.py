"""ib_insync and ib_async: a gateway that misbehaves as real ones do."""

from __future__ import annotations

import socket
import time

import pytest

from tests.contract.gateway.ib_client import NAME, IbClient, needs_library
from tests.contract.gateway.market import NOW, market
from tests.fakes import RunningGateway, memory_feed, running_gateway

pytestmark = needs_library
EXECUTIONS, OPEN_ORDER, ORDER_STATUS, COMMISSION = -11, -5, -3, -59


def test_a_lost_and_regained_broker_is_told_to_every_client(gateway: RunningGateway, connect) -> None:
    clients = [connect(11), connect(21)]
    for code in (1100, 1101, 1100, 1102, 2110, 2103, 2105):
        gateway.tell("connectivity", code=code)
    for client in clients:
        client.settle()
        assert [c for c in client.codes if c in (1100, 1101, 1102, 2110)] == [1100, 1101, 1100, 1102, 2110]


def test_no_order_is_taken_while_the_broker_is_out_of_reach(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("connectivity", code=1100)
    client.place("BUY", 1)
    assert gateway.orders() == []
    gateway.tell("connectivity", code=1102)
    assert client.place("BUY", 1).orderStatus.status == "Filled"


def test_a_broken_data_farm_stops_no_order(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("connectivity", code=2103)
    assert client.place("BUY", 1).orderStatus.status == "Filled"


def test_half_a_frame_ends_the_connection_and_the_order_is_found_afterwards(gateway: RunningGateway, connect) -> None:
    client = connect(11)
    gateway.tell("fault", message_id=OPEN_ORDER, fault="half_frame")
    with pytest.raises(ConnectionError):
        client.place("BUY", 1, "LMT", lmtPrice=95, tif="GTC", orderRef="cut")
    client.wait_until_lost()
    assert [t.order.orderRef for t in connect(11).ib.openTrades()] == ["cut"]


def test_a_socket_closed_before_the_request_is_read_leaves_no_order(gateway: RunningGateway, connect) -> None:
    client = connect(11)
    gateway.tell("fault", message_id=3, fault="close_before")
    with pytest.raises(ConnectionError):
        client.place("BUY", 1)
    assert gateway.orders() == []


def test_a_socket_closed_after_the_request_leaves_the_order(gateway: RunningGateway, connect) -> None:
    client = connect(11)
    gateway.tell("fault", message_id=3, fault="close_after")
    with pytest.raises(ConnectionError):
        client.place("BUY", 1, "LMT", lmtPrice=95, tif="GTC")
    assert len(gateway.orders()) == 1


def test_a_lost_answer_leaves_the_order_and_asking_repairs_the_view(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("fault", message_id=OPEN_ORDER, fault="drop")
    gateway.tell("fault", message_id=ORDER_STATUS, fault="drop")
    trade = client.place("BUY", 1, "LMT", lmtPrice=95, tif="GTC")
    assert trade.orderStatus.permId == 0
    client.ib.reqOpenOrders()
    assert trade.orderStatus.permId > 0


def test_a_late_answer_comes(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("fault", message_id=ORDER_STATUS, fault="delay", seconds=0.05)
    trade = client.place("BUY", 1, "LMT", lmtPrice=95, tif="GTC")
    client.wait_until(lambda: trade.orderStatus.status == "Submitted")


def test_a_swallowed_placement_uses_up_its_id_and_is_answered_with_silence(gateway, client: IbClient) -> None:
    gateway.tell("fault", message_id=3, fault="swallow")
    trade = client.place("BUY", 1)
    assert (trade.orderStatus.permId, gateway.orders()) == (0, [])
    client.place("BUY", 1, orderId=trade.order.orderId)
    assert 103 in client.codes


def test_an_order_sent_twice_in_the_pipe_is_one_order(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("fault", message_id=3, fault="duplicate")
    client.place("BUY", 1, "LMT", lmtPrice=95, tif="GTC")
    assert len(gateway.orders()) == 1


def test_messages_told_twice_change_nothing(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("behave", duplicate_messages=True)
    trade = client.place("BUY", 10)
    assert (trade.orderStatus.status, len(trade.fills), trade.filled()) == ("Filled", 1, 10)


def test_the_status_may_come_before_its_execution(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("behave", filled_before_execution=True)
    order: list[str] = []
    client.ib.orderStatusEvent += lambda trade: order.append(trade.orderStatus.status)
    client.ib.execDetailsEvent += lambda trade, fill: order.append("execution")
    client.place("BUY", 10)
    assert order.index("Filled") < order.index("execution")


@pytest.mark.parametrize("timing", ["late", "missing"])
def test_a_commission_may_be_late_or_missing(gateway: RunningGateway, client: IbClient, timing: str) -> None:
    gateway.tell("behave", commission=timing, commission_delay_seconds=0.05)
    trade = client.place("BUY", 10)
    assert trade.fills[0].commissionReport.execId == ""
    if timing == "late":
        client.wait_until(lambda: trade.fills[0].commissionReport.commission == 1)


def test_held_orders_arrive_after_their_hold(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("behave", hold_orders_seconds=0.05)
    began = time.monotonic()
    assert client.place("BUY", 1).orderStatus.status == "Filled"
    assert time.monotonic() - began >= 0.05


def test_held_orders_of_a_client_that_left_are_still_served(gateway: RunningGateway, connect) -> None:
    client = connect(11)
    gateway.tell("behave", hold_orders_seconds=0.05)
    client.ib.placeOrder(client.stock(), client.order("BUY", 1, "LMT", lmtPrice=95, tif="GTC", orderRef="late"))
    client.ib.sleep(0.01)
    client.close()
    watcher = connect(21)
    watcher.wait_until(lambda: len(gateway.orders()) == 1)


def test_a_nightly_restart_loses_what_is_in_the_pipe_and_keeps_what_it_took(gateway: RunningGateway, connect) -> None:
    client = connect(11)
    client.place("BUY", 1, "LMT", lmtPrice=95, tif="GTC", orderRef="kept", orderId=10)
    gateway.tell("behave", hold_orders_seconds=0.2)
    client.ib.placeOrder(
        client.stock(), client.order("BUY", 1, "LMT", lmtPrice=95, tif="GTC", orderRef="lost", orderId=11)
    )
    client.ib.sleep(0.05)
    gateway.tell("restart")
    client.wait_until_lost()
    gateway.tell("behave")
    again = connect(11)
    assert [t.order.orderRef for t in again.ib.openTrades()] == ["kept"]
    assert again.place("BUY", 1, orderId=11).orderStatus.status == "Filled", "its id was never seen"


def test_a_gateway_that_is_started_again_knows_orders_ids_and_money(tmp_path) -> None:
    state_file = tmp_path / "gateway.state"
    with running_gateway(memory_feed(market()), NOW, state_file=state_file) as gateway:
        client = IbClient(gateway)
        client.place("BUY", 10)
        stop = client.place("SELL", 10, "TRAIL", trailingPercent=12, tif="GTC", orderRef="stop")
        client.close()
        cash = gateway.tell("state")["state"]["cash_usd"]
    with running_gateway(memory_feed(market()), NOW, state_file=state_file) as gateway:
        client = IbClient(gateway)
        [seen] = client.ib.openTrades()
        assert (seen.order.orderRef, seen.order.permId) == ("stop", stop.order.permId)
        assert client.ib.client.getReqId() > stop.order.orderId
        assert [p.position for p in client.ib.positions()] == [10]
        assert gateway.tell("state")["state"]["cash_usd"] == cash
        client.close()


def test_a_burst_of_60_orders_all_arrive(gateway: RunningGateway, client: IbClient) -> None:
    """The client sends 45 messages a second; the rest waits in its queue, which a disconnect would drop."""
    trades = [
        client.ib.placeOrder(client.stock(), client.order("BUY", 1, "LMT", lmtPrice=95, tif="GTC", orderRef=f"o{n}"))
        for n in range(60)
    ]
    client.wait_until(lambda: all(t.orderStatus.permId for t in trades))
    assert [o["ticket"]["order_ref"] for o in gateway.orders()] == [f"o{n}" for n in range(60)]
    assert len({o["perm_id"] for o in gateway.orders()}) == 60


def test_bytes_that_are_no_tws_protocol_end_the_connection(gateway: RunningGateway, client: IbClient) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert stranger.recv(1) == b""
    assert client.ib.isConnected()


def test_an_unknown_request_is_answered_with_320(client: IbClient) -> None:
    client.ib.client.send(9999, 1)
    client.settle()
    assert 320 in client.codes


def test_a_split_ends_resting_orders_and_doubles_the_position(gateway: RunningGateway, client: IbClient) -> None:
    client.place("BUY", 10)
    client.place("SELL", 10, "TRAIL", trailingPercent=12, tif="GTC")
    gateway.tell("split", symbol="NVDA", ratio=2)
    client.settle()
    assert 202 in client.codes
    assert [p.position for p in client.ib.positions()] == [20], "subscribers hear of it without asking"


def test_a_message_about_a_live_order_leaves_it_live(gateway: RunningGateway, client: IbClient) -> None:
    trade = client.place("BUY", 1, "LMT", lmtPrice=95, tif="GTC")
    gateway.tell("message", client_id=11, order_id=trade.order.orderId, code=10148, text="cannot be cancelled")
    client.settle()
    assert 10148 in client.codes
    assert [o["status"] for o in gateway.orders()] == ["Submitted"], f"whatever {NAME} makes of it"
