"""ib_insync and ib_async: the life of each kind of order, as captured from a real paper gateway."""

from __future__ import annotations

import pytest

from tests.contract.gateway.ib_client import IbClient, needs_library
from tests.fakes import ACCOUNT, RunningGateway, ny

pytestmark = needs_library


def statuses(trade) -> list[str]:
    """Every status that the trade went through, repeats left out."""
    seen = [entry.status for entry in trade.log]
    return [s for n, s in enumerate(seen) if n == 0 or s != seen[n - 1]]


def go_to(gateway: RunningGateway, client: IbClient, at: str) -> None:
    gateway.tell("advance", to=ny(f"2019-06-{at}").isoformat())
    client.settle()


# --- one order ----------------------------------------------------------------------------------


def test_a_market_order_fills_at_once_with_execution_and_commission(client: IbClient) -> None:
    trade = client.place("BUY", 10, orderRef="m1", account=ACCOUNT)
    assert statuses(trade)[-1] == "Filled"
    [fill] = trade.fills
    assert (fill.execution.orderRef, fill.execution.side, fill.execution.shares) == ("m1", "BOT", 10)
    assert fill.execution.price == pytest.approx(100.05)
    assert (fill.commissionReport.commission, fill.commissionReport.currency) == (1, "USD")
    assert trade.order.permId == fill.execution.permId > 0


def test_a_sale_reports_what_it_realised(client: IbClient) -> None:
    client.place("BUY", 10)
    sale = client.place("SELL", 10)
    assert sale.fills[0].commissionReport.realizedPNL == pytest.approx(-3.02188)


def test_a_limit_order_rests_as_submitted(client: IbClient) -> None:
    trade = client.place("BUY", 5, "LMT", lmtPrice=95, tif="GTC")
    assert (trade.orderStatus.status, trade.orderStatus.remaining) == ("Submitted", 5)


def test_a_changed_order_keeps_its_permanent_id_and_stays_one_order(gateway: RunningGateway, client: IbClient) -> None:
    trade = client.place("BUY", 5, "LMT", lmtPrice=95, tif="GTC")
    before = trade.order.permId
    trade.order.lmtPrice = 96
    client.change(trade)
    [order] = gateway.orders()
    assert (order["perm_id"], order["ticket"]["limit_price"]) == (before, "96")


def test_an_order_that_came_back_from_the_gateway_can_be_sent_again_as_it_is(gateway, connect) -> None:
    connect().place("SELL", 5, "TRAIL", trailingPercent=12, tif="GTC", orderRef="t")
    client = connect(12)
    client.ib.reqAllOpenOrders()
    [trade] = client.ib.openTrades()
    trade.order.clientId = 12
    client.ib.client.placeOrder(900, trade.contract, trade.order)
    client.settle()
    assert not [e for e in client.errors if e[0] == 900], "the word None of the delta-neutral part is no obstacle"
    assert len(gateway.orders()) == 2


def test_a_cancel_is_followed_by_202_with_its_reason(client: IbClient) -> None:
    trade = client.place("BUY", 5, "LMT", lmtPrice=95, tif="GTC")
    client.ib.cancelOrder(trade.order)
    client.settle()
    assert trade.orderStatus.status == "Cancelled"
    [text] = [text for _, code, text in client.errors if code == 202]
    assert text.startswith("Order Canceled - reason:")


def test_a_stop_is_held_until_its_trigger_and_fills_beyond_it(gateway: RunningGateway, client: IbClient) -> None:
    client.place("BUY", 10, symbol="AAPL")
    stop = client.place("SELL", 10, "STP", symbol="AAPL", auxPrice=190, tif="GTC")
    assert (stop.orderStatus.status, stop.orderStatus.whyHeld) == ("PreSubmitted", "trigger")
    go_to(gateway, client, "03 11:30")
    assert stop.orderStatus.status == "Filled"
    assert stop.orderStatus.avgFillPrice < 190


def test_a_trailing_stop_follows_the_high_and_never_falls_back(gateway: RunningGateway, connect) -> None:
    owner = connect()
    owner.place("SELL", 10, "TRAIL", symbol="AAPL", trailingPercent=15, tif="GTC")
    stops = [connect(21).ib.reqAllOpenOrders()]
    go_to(gateway, owner, "03 11:30")
    stops.append(connect(22).ib.reqAllOpenOrders())
    assert [getattr(found, "order", found).trailStopPrice for [found] in stops] == [170, 187]


def test_a_market_on_open_order_waits_for_the_next_auction(gateway: RunningGateway, client: IbClient) -> None:
    trade = client.place("BUY", 10, tif="OPG")
    assert trade.orderStatus.status != "Filled"
    go_to(gateway, client, "04 09:30")
    assert trade.fills[0].execution.time == ny("2019-06-04 09:30")


def test_a_good_till_date_order_ends_at_its_time(gateway: RunningGateway, client: IbClient) -> None:
    trade = client.place("BUY", 5, "LMT", lmtPrice=95, tif="GTD", goodTillDate="20190603-15:30:00")
    assert trade.orderStatus.status == "Submitted"
    go_to(gateway, client, "03 12:00")
    assert trade.orderStatus.status == "Cancelled"


def test_a_day_order_ends_at_the_close_and_a_gtc_order_does_not(gateway: RunningGateway, client: IbClient) -> None:
    day = client.place("BUY", 5, "LMT", lmtPrice=95)
    gtc = client.place("BUY", 5, "LMT", lmtPrice=95, tif="GTC")
    go_to(gateway, client, "04 09:30")
    assert (day.orderStatus.status, gtc.orderStatus.status) == ("Cancelled", "Submitted")


@pytest.mark.parametrize(("tif", "end"), [("IOC", "Cancelled"), ("FOK", "Inactive")])
def test_an_order_for_now_that_cannot_fill_now_is_over(client: IbClient, tif: str, end: str) -> None:
    assert client.place("BUY", 5, "LMT", lmtPrice=95, tif=tif).orderStatus.status == end


def test_an_ioc_order_passes_through_pending_cancel(client: IbClient) -> None:
    heard: list[str] = []
    client.ib.orderStatusEvent += lambda trade: heard.append(trade.orderStatus.status)
    client.place("BUY", 5, "LMT", lmtPrice=95, tif="IOC")
    assert heard[-2:] == ["PendingCancel", "Cancelled"]


def test_an_order_after_hours_is_told_399_and_fills_at_the_next_open(gateway: RunningGateway, client: IbClient) -> None:
    go_to(gateway, client, "03 17:30")
    trade = client.place("BUY", 5, tif="GTC")
    assert 399 in client.codes
    assert [o["status"] for o in gateway.orders()] == ["PreSubmitted"]
    go_to(gateway, client, "04 09:31")
    assert trade.fills[0].execution.time == ny("2019-06-04 09:30")


@pytest.mark.parametrize("tif", ["IOC", "FOK"])
def test_an_order_for_now_that_can_fill_now_fills(client: IbClient, tif: str) -> None:
    assert client.place("BUY", 5, "LMT", lmtPrice=101, tif=tif).orderStatus.status == "Filled"


def test_a_partial_fill_leaves_the_rest_working(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("partial", symbol="NVDA", shares=4)
    trade = client.place("BUY", 10, "LMT", lmtPrice=101, tif="GTC")
    assert (trade.orderStatus.filled, trade.orderStatus.remaining) == (4, 6)
    gateway.tell("partial", symbol="NVDA", shares=None)
    go_to(gateway, client, "03 11:00")
    assert (trade.orderStatus.status, [f.execution.cumQty for f in trade.fills]) == ("Filled", [4, 10])


# --- families and groups ------------------------------------------------------------------------


def bracket(client: IbClient, **entry) -> tuple:
    """Place an entry with a take-profit and a trailing stop, transmitted by the last leg."""
    first = client.ib.client.getReqId()
    legs = [
        client.order("BUY", 10, "LMT", orderId=first, transmit=False, **{"lmtPrice": 101, **entry}),
        client.order(
            "SELL",
            10,
            "LMT",
            lmtPrice=125,
            tif="GTC",
            orderId=client.ib.client.getReqId(),
            parentId=first,
            transmit=False,
        ),
        client.order(
            "SELL", 10, "TRAIL", trailingPercent=12, tif="GTC", orderId=client.ib.client.getReqId(), parentId=first
        ),
    ]
    trades = tuple(client.ib.placeOrder(client.stock("AAPL" if entry else "NVDA"), leg) for leg in legs)
    client.settle()
    return trades


def test_an_order_held_back_is_answered_with_silence(client: IbClient) -> None:
    trade = client.place("BUY", 10, "LMT", lmtPrice=95, transmit=False)
    assert trade.orderStatus.permId == 0
    assert client.ib.reqAllOpenOrders() == []


def test_the_last_leg_transmits_the_whole_family(client: IbClient) -> None:
    entry, target, trail = bracket(client)
    assert entry.orderStatus.status == "Filled"
    assert (target.orderStatus.status, trail.orderStatus.status) == ("Submitted", "PreSubmitted")
    assert trail.orderStatus.whyHeld == "trigger"


def test_children_of_an_unfilled_entry_are_held(client: IbClient) -> None:
    _, target, trail = bracket(client, lmtPrice=190)
    assert (target.orderStatus.whyHeld, trail.orderStatus.whyHeld) == ("child", "child,trigger")


def test_the_sibling_that_fills_cancels_the_other(gateway: RunningGateway, client: IbClient) -> None:
    _, target, trail = bracket(client)
    gateway.tell("quote", symbol="NVDA", bid="126", ask="126.10", last="126")
    client.settle()
    assert (target.orderStatus.status, trail.orderStatus.status) == ("Filled", "Cancelled")


def test_cancelling_an_unfilled_entry_cancels_its_children(client: IbClient) -> None:
    entry, target, trail = bracket(client, lmtPrice=190)
    client.ib.cancelOrder(entry.order)
    client.settle()
    assert {t.orderStatus.status for t in (entry, target, trail)} == {"Cancelled"}


def test_one_cancels_all(client: IbClient) -> None:
    rest = client.place("BUY", 1, "LMT", lmtPrice=95, ocaGroup="g", ocaType=1)
    taker = client.place("BUY", 1, "LMT", lmtPrice=101, ocaGroup="g", ocaType=1)
    assert (rest.orderStatus.status, taker.orderStatus.status) == ("Cancelled", "Filled")


# --- asking and refusing ------------------------------------------------------------------------


def test_what_if_answers_margins_and_creates_nothing(gateway: RunningGateway, client: IbClient) -> None:
    answer = client.ib.whatIfOrder(client.stock(), client.order("BUY", 10))
    assert float(answer.initMarginChange) == pytest.approx(1000, abs=1)
    assert float(answer.equityWithLoanBefore) == 100_000
    assert (answer.minCommission, answer.commissionCurrency) == (1, "USD")
    assert "SIMULATED" in answer.warningText
    assert gateway.orders() == []
    assert client.place("BUY", 1).order.orderId >= 1


REFUSED = {
    "a price between two ticks": (110, {"kind": "LMT", "lmtPrice": 95.005}),
    "an unknown parent": (135, {"kind": "LMT", "lmtPrice": 95, "parentId": 999}),
    "an unknown symbol": (200, {"symbol": "ZZZZ"}),
    "an order for the index": (200, {"symbol": "VIX"}),
    "an unknown order type": (321, {"kind": "FEELINGS"}),
    "another account": (321, {"account": "DU9999999"}),
    "no shares": (434, {"quantity": 0}),
    "half a share": (10243, {"quantity": 0.5}),
    "cash instead of shares": (10244, {"cashQty": 500.0}),
    "a hedge": (321, {"hedgeType": "D", "hedgeParam": "x"}),
    "an algorithm": (321, {"algoStrategy": "Twap"}),
    "a start time": (321, {"goodAfterTime": "20190603 15:00:00 US/Eastern"}),
    "an end in another form": (391, {"kind": "LMT", "lmtPrice": 95, "tif": "GTD", "goodTillDate": "tomorrow"}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_broker_refuses_is_answered_with_its_code_and_leaves_nothing(gateway, client, what: str) -> None:
    code, fields = REFUSED[what]
    client.place("BUY", **{"quantity": 1, **fields})
    assert code in client.codes
    assert gateway.orders() == []


@pytest.mark.parametrize(("quantity", "price"), [(1, 150), (5000, 101)], ids=["through the collar", "too dear"])
def test_a_rejected_order_is_left_behind_as_inactive_with_201(client: IbClient, quantity: int, price: int) -> None:
    trade = client.place("BUY", quantity, "LMT", lmtPrice=price)
    assert 201 in client.codes
    assert trade.orderStatus.status in ("Inactive", "Cancelled"), "a client calls a rejected order cancelled"


def test_an_id_below_the_highest_seen_is_a_duplicate(gateway: RunningGateway, client: IbClient) -> None:
    client.place("BUY", 1, orderId=50)
    client.place("BUY", 1, orderId=40)
    assert 103 in client.codes
    assert len(gateway.orders()) == 1


def test_cancelling_what_is_unknown_or_over_is_answered_and_changes_nothing(client: IbClient) -> None:
    done = client.place("BUY", 1)
    client.ib.client.cancelOrder(777)
    client.ib.client.cancelOrder(done.order.orderId)
    client.settle()
    assert {10147, 10148} <= set(client.codes)


def test_a_read_only_gateway_answers_orders_with_321(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("read_only", is_read_only=True)
    client.place("BUY", 1)
    assert 321 in client.codes
    assert gateway.orders() == []


def test_an_order_without_a_time_in_force_gets_the_preset_and_lives(gateway: RunningGateway, client: IbClient) -> None:
    client.place("BUY", 1, "LMT", lmtPrice=95, tif="")
    assert 10349 in client.codes
    [order] = gateway.orders()
    assert (order["ticket"]["tif"], order["status"]) == ("DAY", "Submitted")
