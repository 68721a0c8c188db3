"""Book against broker: what is a difference, and which one stops trading."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from trading.accounting.reconciliation import (
    Outside,
    compare_cash,
    compare_fills,
    compare_orders,
    compare_positions,
    pending_commissions,
    unbooked_fills,
    unprotected,
)
from trading.accounting.reconciliation_kinds import GATING, DifferenceKind, Effect
from trading.domain.fills import Fill, Lot
from trading.domain.instruments import BookId
from trading.domain.orders import Order, OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.domain.portfolio import Portfolio, Position

BOOK = BookId.parse("paper:DU1")
NOW = datetime(2019, 6, 3, 20, 0, tzinfo=UTC)


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


def a_stranger(quantity: int = 5, cash_usd: str = "-1001") -> Outside:
    return Outside("AAPL", Decimal(quantity), Decimal(cash_usd))


def test_a_position_that_only_the_broker_has_is_a_difference():
    (found,) = compare_positions(a_book({}), shares({"AAPL": 5}))
    assert (found.kind, found.symbol, found.ours, found.theirs, found.quantity) == (
        DifferenceKind.POSITION, "AAPL", "0", "5", 5,
    )  # fmt: skip


def test_a_position_that_only_we_have_is_a_difference():
    (found,) = compare_positions(a_book({"AAPL": 5}), {})
    assert (found.kind, found.quantity) == (DifferenceKind.POSITION, -5)


def test_shares_are_compared_exactly():
    assert compare_positions(a_book({"AAPL": 100}), {"AAPL": Decimal("100.0001")})
    assert not compare_positions(a_book({"AAPL": 100}), {"AAPL": Decimal("100.0000")})


def test_cash_within_a_cent_is_equal_and_beyond_it_is_not():
    assert not compare_cash(a_book({}, "100.00"), Decimal("100.01"))
    (found,) = compare_cash(a_book({}, "100.00"), Decimal("100.011"))
    assert (found.kind, found.cash_usd) == (DifferenceKind.CASH, Decimal("0.011"))


def test_an_unbooked_fill_explains_no_more_than_its_own_shares():
    found = compare_positions(a_book({}, "100000"), shares({"AAPL": 150}), unbooked=[a_fill()])
    assert kinds(found) == ["unbooked_fill", "position"]
    assert found[1].quantity == 50


def test_an_unbooked_fill_explains_its_cash():
    assert not compare_cash(a_book({}, "100000"), Decimal(73000), unbooked=[a_fill()])


def test_what_is_outside_the_book_is_taken_off_the_brokers_side():
    assert not compare_positions(a_book({"AAPL": 10}), shares({"AAPL": 15}), outside=[a_stranger()])
    assert not compare_cash(a_book({}, "5000"), Decimal(3999), outside=[a_stranger()])


def test_what_is_outside_and_sold_again_is_nothing():
    gone = [a_stranger(), a_stranger(-5, "1100")]
    assert not compare_positions(a_book({"AAPL": 10}), shares({"AAPL": 10}), outside=gone)
    assert not compare_cash(a_book({}, "5000"), Decimal(5099), outside=gone)


def test_a_fill_without_our_reference_holds_its_symbol_with_its_effect():
    (found,) = compare_fills([], [a_fill(order_id=None)])
    assert found.kind.effect is Effect.HOLD
    assert (found.quantity, found.cash_usd, found.reference) == (100, -27000, "a1")


def test_an_execution_that_an_operator_booked_is_no_stranger_any_more():
    fill = a_fill(order_id=None)
    assert not compare_fills([fill], [fill])


def test_a_fill_of_today_that_the_broker_does_not_know_stops_trading():
    found = compare_fills([a_fill("a1"), a_fill("a2")], [a_fill("a1")])
    assert kinds(found) == ["missing_fill"]
    assert found[0].kind.effect is Effect.HALT


def test_an_order_that_the_broker_no_longer_works_keeps_entries_waiting():
    order = an_order(OrderPurpose.EXIT, 10)
    for status in ({}, {"K1": OrderStatus.CANCELLED}):
        found = compare_orders([order], status, [])
        assert kinds(found) == ["lost_order"]
        assert found[0].kind in GATING
    assert not compare_orders([order], {"K1": OrderStatus.PARTIALLY_FILLED}, [])


def test_an_order_of_unknown_fate_stops_trading():
    found = compare_orders([an_order(OrderPurpose.EXIT, 10, status=OrderStatus.UNKNOWN)], {}, [])
    assert kinds(found) == ["unknown_order"]
    assert found[0].kind.effect is Effect.HALT


def test_an_open_order_that_is_not_ours_holds_its_symbol():
    (found,) = compare_orders([], {}, [("TSLA", 77)])
    assert (found.kind, found.symbol, found.reference) == (DifferenceKind.FOREIGN_ORDER, "TSLA", "77")
    assert found.kind not in GATING


def test_one_reference_of_ours_under_two_permanent_ids_stops_trading():
    found = compare_orders([], {}, [], [("K1", 7), ("K1", 8), ("K2", 9), ("K2", 9)])
    assert [(d.kind, d.reference) for d in found] == [(DifferenceKind.DUPLICATE_ORDER, "K1")]
    assert found[0].kind.effect is Effect.HALT


def test_an_execution_that_the_broker_corrected_is_still_the_same_execution():
    ours, theirs = a_fill("0001.01.01"), a_fill("0001.01.02")
    assert compare_fills([ours], [theirs]) == ()
    assert unbooked_fills([ours], [theirs]) == ()


def test_a_commission_is_missed_only_after_a_while():
    fill = replace(a_fill(), commission_usd=None)
    assert not pending_commissions([fill, a_fill("a2")], before=NOW)
    assert kinds(pending_commissions([fill, a_fill("a2")], before=NOW + timedelta(hours=12))) == ["commission_pending"]


def test_every_kind_says_what_it_stops():
    assert {kind.effect for kind in DifferenceKind} == set(Effect)


def test_the_same_difference_has_the_same_key_whatever_its_numbers():
    first, second = (compare_positions(a_book({}), shares({"AAPL": n}))[0] for n in (5, 6))
    assert first.key == second.key
    assert compare_fills([], [a_fill("a1", None)])[0].key != compare_fills([], [a_fill("a2", None)])[0].key


def test_executions_of_ours_that_are_booked_are_not_missing():
    assert unbooked_fills([a_fill("a1")], [a_fill("a1"), a_fill("a2"), a_fill("a3", None)]) == (a_fill("a2"),)


@pytest.mark.parametrize(
    ("live", "is_protected"),
    [
        ([(OrderPurpose.STOP, 10), (OrderPurpose.TARGET, 10)], True),
        ([(OrderPurpose.TARGET, 10)], False),
        ([(OrderPurpose.STOP, 10)], False),
        ([], False),
        ([(OrderPurpose.STOP, 9), (OrderPurpose.TARGET, 10)], False),
        ([(OrderPurpose.STOP, 11), (OrderPurpose.TARGET, 11)], False),
        ([(OrderPurpose.STOP, 5), (OrderPurpose.STOP, 5), (OrderPurpose.TARGET, 10)], False),
        ([(OrderPurpose.STOP, 10), (OrderPurpose.TARGET, 5), (OrderPurpose.TARGET, 5)], False),
        ([(OrderPurpose.EXIT, 10)], True),
        ([(OrderPurpose.TRIM, 4), (OrderPurpose.STOP, 6), (OrderPurpose.TARGET, 6)], True),
        ([(OrderPurpose.TRIM, 4), (OrderPurpose.STOP, 10), (OrderPurpose.TARGET, 10)], False),
        ([(OrderPurpose.ENTRY, 20), (OrderPurpose.STOP, 30)], True),
    ],
)
def test_a_long_has_one_stop_and_one_target_for_exactly_the_shares_that_stay(live, is_protected):
    orders = [an_order(purpose, quantity, f"K{i}") for i, (purpose, quantity) in enumerate(live)]
    found = unprotected(a_book({"AAPL": 10}), orders)
    assert kinds(found) == ([] if is_protected else ["protection"])


def test_a_target_may_be_gone_once_the_stop_has_begun_to_sell():
    stop = replace(an_order(OrderPurpose.STOP, 20), filled_quantity=Decimal(10), status=OrderStatus.PARTIALLY_FILLED)
    assert not unprotected(a_book({"AAPL": 10}), [stop])


def test_protection_without_a_position_would_open_a_short():
    found = unprotected(a_book({}), [an_order(OrderPurpose.STOP, 10), an_order(OrderPurpose.TARGET, 10, "K2")])
    assert [(d.kind, d.symbol, d.ours) for d in found] == [(DifferenceKind.PROTECTION, "AAPL", "0 held")]
