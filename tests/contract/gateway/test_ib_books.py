"""ib_insync and ib_async: what clients see of each other's orders, of yesterday's, and after a reconnect."""

from __future__ import annotations

from tests.contract.gateway.ib_client import IbClient, needs_library
from tests.fakes import RunningGateway, ny

pytestmark = needs_library


def refs(answer) -> set[str]:
    return {getattr(item, "order", item).orderRef for item in answer}


def test_order_events_go_to_the_client_that_owns_the_order(connect) -> None:
    owner, other = connect(11), connect(21)
    owner.place("BUY", 1, "LMT", lmtPrice=95, tif="GTC")
    other.settle()
    assert other.ib.openTrades() == []


def test_a_client_asks_for_its_own_orders_or_for_everybodys(connect) -> None:
    owner, other = connect(11), connect(21)
    owner.place("BUY", 1, "LMT", lmtPrice=95, tif="GTC", orderRef="a")
    other.place("BUY", 1, "LMT", lmtPrice=95, tif="GTC", orderRef="b")
    assert refs(other.ib.reqOpenOrders()) == {"b"}
    assert refs(other.ib.reqAllOpenOrders()) == {"a", "b"}


def test_binding_orders_made_by_hand_is_for_client_0_only(connect) -> None:
    client = connect(11)
    client.ib.client.reqAutoOpenOrders(True)
    client.settle()
    assert 321 in client.codes


def test_another_client_may_cancel_and_both_hear_it(connect) -> None:
    owner, other = connect(11), connect(41)
    trade = owner.place("BUY", 1, "LMT", lmtPrice=95, tif="GTC")
    other.ib.client.cancelOrder(trade.order.orderId)
    other.settle()
    owner.settle()
    assert 202 in owner.codes
    assert 202 in other.codes
    assert owner.ib.reqAllOpenOrders() == []


def test_a_global_cancel_ends_every_clients_orders(connect) -> None:
    owner, other = connect(11), connect(41)
    trade = owner.place("BUY", 1, "LMT", lmtPrice=95, tif="GTC")
    other.ib.reqGlobalCancel()
    other.settle()
    owner.settle()
    assert other.ib.reqAllOpenOrders() == []
    assert 202 in owner.codes
    assert trade.order.permId > 0


def test_completed_orders_carry_reference_and_reason_but_no_order_id(connect) -> None:
    client = connect()
    client.place("BUY", 5, orderRef="done")
    gone = client.place("BUY", 5, "LMT", lmtPrice=95, tif="GTC", orderRef="gone")
    client.ib.cancelOrder(gone.order)
    client.settle()
    client.place("BUY", 1, "LMT", lmtPrice=150, orderRef="refused")
    client.close()
    seen = {t.order.orderRef: t for t in connect(21).ib.reqCompletedOrders(False)}
    assert {ref: t.orderStatus.status for ref, t in seen.items()} == {
        "done": "Filled",
        "gone": "Cancelled",
        "refused": "Inactive",
    }
    assert all(t.order.orderId == 0 and t.order.permId > 0 for t in seen.values())
    assert seen["done"].order.filledQuantity == 5
    assert {ref: t.order.autoCancelDate for ref, t in seen.items()} == {
        "done": "",
        "gone": "20190930 23:59:59 US/Eastern",
        "refused": "",
    }


def test_the_completed_state_says_why(connect) -> None:
    client = connect()
    client.place("BUY", 5, orderRef="done")
    client.place("BUY", 1, "LMT", lmtPrice=150, orderRef="refused")
    client.close()
    other = connect(21)
    heard: dict[str, str] = {}
    keep = other.ib.wrapper.completedOrder

    def listen(contract, order, state) -> None:
        heard[order.orderRef] = state.completedStatus
        keep(contract, order, state)

    other.ib.wrapper.completedOrder = listen
    other.ib.reqCompletedOrders(False)
    assert heard["done"] == "Filled Size: 5"
    assert "too far through the market" in heard["refused"]


def test_executions_pass_a_filter_by_client_symbol_side_and_time(connect) -> None:
    first, second = connect(11), connect(12)
    first.place("BUY", 3, orderRef="a")
    second.place("BUY", 4, symbol="AMD", orderRef="b")
    first.place("SELL", 1, orderRef="c")
    other = connect(31)

    def found(**wanted) -> set[str]:
        return {f.execution.orderRef for f in other.ib.reqExecutions(other.lib.ExecutionFilter(**wanted))}

    assert found() == {"a", "b", "c"}
    assert found(clientId=12) == {"b"}
    assert found(symbol="NVDA") == {"a", "c"}
    assert found(side="SELL") == found(side="SLD") == {"c"}
    assert found(time="20190603 10:31:00 US/Eastern") == set()
    assert found(acctCode="DU9999999") == set()


def test_executions_asked_for_bring_their_commissions(connect) -> None:
    connect(11).place("BUY", 3)
    other = connect(31)
    other.ib.reqExecutions()
    other.settle()
    [fill] = other.ib.fills()
    assert fill.commissionReport.commission == 1


def test_the_gateway_forgets_completed_orders_and_executions_at_midnight(gateway: RunningGateway, connect) -> None:
    connect(11).place("BUY", 3)
    gateway.tell("advance", to=ny("2019-06-04 09:30").isoformat())
    other = connect(31)
    assert other.ib.reqExecutions() == []
    assert other.ib.reqCompletedOrders(False) == []
    assert [p.position for p in other.ib.positions()] == [3]


def test_a_reconnect_finds_the_order_and_the_next_id_where_they_were(connect) -> None:
    first = connect(11)
    trade = first.place("SELL", 5, "TRAIL", trailingPercent=12, tif="GTC", orderRef="stop")
    first.close()
    again = connect(11)
    [seen] = again.ib.openTrades()
    assert (seen.order.orderId, seen.order.permId) == (trade.order.orderId, trade.order.permId)
    assert again.ib.client.getReqId() > trade.order.orderId


def test_ids_are_counted_for_each_client_alone(connect) -> None:
    first, second = connect(11), connect(12)
    first.place("BUY", 1, orderId=500)
    assert second.place("BUY", 1).orderStatus.status == "Filled"
    assert 103 not in second.codes


def test_an_order_made_by_hand_is_seen_by_everybody_without_a_reference(gateway: RunningGateway, client: IbClient):
    gateway.tell("foreign_order", symbol="NVDA", side="BUY", quantity=7, order_type="LMT", limit_price="95")
    client.ib.reqAllOpenOrders()
    [trade] = client.ib.openTrades()
    assert (trade.order.orderRef, trade.order.orderId, trade.order.clientId) == ("", 0, 0)
