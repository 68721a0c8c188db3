"""Book against broker: what is a difference, and which one stops trading."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from trading.accounting.reconciliation import (
    DifferenceKind,
    compare_fills,
    compare_orders,
    reconcile,
    unbooked_fills,
    unprotected,
)
from trading.domain.fills import Fill, Lot
from trading.domain.instruments import BookId
from trading.domain.orders import Order, OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.domain.portfolio import Portfolio, Position

ORACLE = Path(__file__).parents[4] / "shared" / "oracles" / "reconciliation_cases.json"
BOOK = BookId.parse("paper:DU1")
NOW = datetime(2019, 6, 3, 20, 0, tzinfo=UTC)
CENT = Decimal("0.01")


def a_book(shares: dict[str, int], cash_usd: str = "0") -> Portfolio:
    today = date(2019, 6, 3)
    return Portfolio(
        BOOK,
        NOW,
        Decimal(cash_usd),
        {
            symbol: Position(
                symbol, (Lot(f"L{symbol}", BOOK, symbol, Decimal(n), Decimal(1), Decimal(0), today, today, "f"),), 1.0
            )
            for symbol, n in shares.items()
        },
    )


def a_fill(fill_id: str = "a1", order_id: str | None = "K1", quantity: int = 100, price: str = "270") -> Fill:
    return Fill(fill_id, order_id, BOOK, "AAPL", Side.BUY, Decimal(quantity), Decimal(price), Decimal(0), NOW)


def an_order(purpose: OrderPurpose, quantity: int, order_id: str = "K1", status=OrderStatus.SUBMITTED) -> Order:
    side = Side.BUY if purpose is OrderPurpose.ENTRY else Side.SELL
    return Order(
        order_id, BOOK, "d", "AAPL", side, Decimal(quantity), OrderType.MARKET, TimeInForce.DAY, purpose, NOW,
        status=status,
    )  # fmt: skip


def kinds(found) -> list[str]:
    return [str(d.kind) for d in found]


def shares(positions: dict[str, int]) -> dict[str, Decimal]:
    return {symbol: Decimal(n) for symbol, n in positions.items()}


EXPECTED = {
    "RS1": [],
    "RS2": ["unbooked_fill"],
    "RS3": ["position"],
    "RS4": [],
    # A snapshot carries no statement: the dividend is a cash difference until it is booked as one.
    "RS5": ["cash"],
}


@pytest.mark.skipif(not ORACLE.exists(), reason="the development data is not beside this checkout")
def test_the_published_cases_are_told_apart():
    for case in json.loads(ORACLE.read_text())["cases"]:
        ours, theirs = case["local"], case["broker"]
        new = theirs.get("new_fill")
        fills = (a_fill(new["execId"], new["orderRef"], new["shares"], str(new["price"])),) if new else ()
        found = reconcile(
            a_book(ours["pos"], str(ours["cash"])),
            shares(theirs["pos"]),
            Decimal(str(theirs["cash"])),
            cash_tolerance_usd=CENT,
            unbooked=unbooked_fills((), fills),
        )
        assert kinds(found) == EXPECTED[case["id"]], case["title"]
        blocked = any(d.kind.halts for d in found)
        assert blocked == (case["expected"]["trading"] == "blocked" or case["id"] == "RS5"), case["title"]


def test_a_position_that_only_the_broker_has_is_a_difference():
    found = reconcile(a_book({}), shares({"AAPL": 5}), Decimal(0), cash_tolerance_usd=CENT)
    assert [(d.kind, d.symbol, d.ours, d.theirs) for d in found] == [(DifferenceKind.POSITION, "AAPL", "0", "5")]


def test_a_position_that_only_we_have_is_a_difference():
    assert kinds(reconcile(a_book({"AAPL": 5}), {}, Decimal(0), cash_tolerance_usd=CENT)) == ["position"]


def test_cash_within_a_cent_is_equal_and_beyond_it_is_not():
    assert not reconcile(a_book({}, "100.00"), {}, Decimal("100.01"), cash_tolerance_usd=CENT)
    assert kinds(reconcile(a_book({}, "100.00"), {}, Decimal("100.011"), cash_tolerance_usd=CENT)) == ["cash"]


def test_an_unbooked_fill_explains_no_more_than_its_own_shares():
    found = reconcile(
        a_book({}, "100000"), shares({"AAPL": 150}), Decimal(73000), cash_tolerance_usd=CENT, unbooked=[a_fill()]
    )
    assert kinds(found) == ["unbooked_fill", "position"]


def test_a_fill_without_our_reference_stops_trading():
    found = compare_fills([], [a_fill(order_id=None)])
    assert kinds(found) == ["foreign_fill"]
    assert found[0].kind.halts


def test_a_fill_of_today_that_the_broker_does_not_know_stops_trading():
    found = compare_fills([a_fill("a1"), a_fill("a2")], [a_fill("a1")])
    assert kinds(found) == ["missing_fill"]
    assert found[0].kind.halts


def test_an_order_that_the_broker_no_longer_works_is_listed_but_does_not_stop_trading():
    order = an_order(OrderPurpose.EXIT, 10)
    for status in ({}, {"K1": OrderStatus.CANCELLED}):
        found = compare_orders([order], status, [])
        assert kinds(found) == ["lost_order"]
        assert not found[0].kind.halts
    assert not compare_orders([order], {"K1": OrderStatus.PARTIALLY_FILLED}, [])


def test_an_open_order_that_is_not_ours_is_listed():
    assert kinds(compare_orders([], {}, [("TSLA", 77)])) == ["foreign_order"]


@pytest.mark.parametrize(
    ("live", "is_protected"),
    [
        ([(OrderPurpose.STOP, 10), (OrderPurpose.TARGET, 10)], True),
        ([(OrderPurpose.TARGET, 10)], False),
        ([], False),
        ([(OrderPurpose.STOP, 9)], False),
        ([(OrderPurpose.STOP, 11)], False),
        ([(OrderPurpose.STOP, 5), (OrderPurpose.STOP, 5)], False),
        ([(OrderPurpose.EXIT, 10)], True),
        ([(OrderPurpose.TRIM, 4), (OrderPurpose.STOP, 6)], True),
        ([(OrderPurpose.TRIM, 4), (OrderPurpose.STOP, 10)], False),
        ([(OrderPurpose.ENTRY, 20), (OrderPurpose.STOP, 30)], True),
    ],
)
def test_a_long_has_one_stop_for_exactly_the_shares_that_stay(live, is_protected):
    orders = [an_order(purpose, quantity, f"K{i}") for i, (purpose, quantity) in enumerate(live)]
    found = unprotected(a_book({"AAPL": 10}), orders)
    assert kinds(found) == ([] if is_protected else ["protection"])
