"""The drill's judge finds each kind of broken promise, and nothing in books that tie."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from trading.domain.fills import Fill
from trading.domain.instruments import BookId, BookKind
from trading.domain.orders import Order, OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.drills.checker import ViolationKind, check_sending, check_settled
from trading.drills.records import DeskRows, GatewayLog, LoggedExecution, LoggedOrder
from trading.ports import Intent

BOOK = BookId(BookKind.PAPER, "DU1")
AT = datetime(2019, 6, 3, 14, 30, tzinfo=UTC)
TEN = Decimal(10)
PURPOSES = {"entry": OrderPurpose.ENTRY, "stop": OrderPurpose.STOP, "target": OrderPurpose.TARGET}
STATUSES = {"entry": OrderStatus.FILLED, "stop": OrderStatus.SUBMITTED, "target": OrderStatus.SUBMITTED}


def logged(ref: str, number: int) -> LoggedOrder:
    is_entry = ref == "entry"
    return LoggedOrder(
        ref, number, 11, 100 + number, "NVDA", "BUY" if is_entry else "SELL", Decimal(0) if is_entry else TEN,
        is_live=not is_entry, is_staged=False,
    )  # fmt: skip


def an_order(ref: str) -> Order:
    return Order(
        ref, BOOK, "d", "NVDA", Side.BUY if ref == "entry" else Side.SELL, TEN, OrderType.MARKET, TimeInForce.DAY,
        PURPOSES[ref], AT, status=STATUSES[ref],
    )  # fmt: skip


GATEWAY = GatewayLog(
    orders=tuple(logged(ref, number) for number, ref in enumerate(PURPOSES, 1)),
    executions=(LoggedExecution("x1", "entry", TEN, Decimal(100), Decimal(1)),),
    positions={"NVDA": TEN},
    cash_usd=Decimal(98_999),
)
DESK = DeskRows(
    orders=tuple(an_order(ref) for ref in PURPOSES),
    intents={ref: Intent(ref, 11, number, 100 + number, "ACKED", 1) for number, ref in enumerate(PURPOSES, 1)},
    fills=(Fill("x1", "entry", BOOK, "NVDA", Side.BUY, TEN, Decimal(100), Decimal(1), AT),),
    positions={"NVDA": TEN},
    cash_usd=Decimal(98_999),
    alarms=frozenset(),
)


def changed_leg(ref: str, **changes) -> GatewayLog:
    return replace(GATEWAY, orders=tuple(replace(o, **changes) if o.order_ref == ref else o for o in GATEWAY.orders))


def with_status(ref: str, status: OrderStatus) -> DeskRows:
    return replace(DESK, orders=tuple(replace(o, status=status) if o.order_id == ref else o for o in DESK.orders))


def kinds(log: GatewayLog, desk: DeskRows, *, may_park: bool = False) -> set[ViolationKind]:
    return {violation.kind for violation in check_settled(log, desk, may_park=may_park)}


def test_books_that_tie_break_no_promise() -> None:
    assert check_settled(GATEWAY, DESK, may_park=False) == []


def test_a_second_order_of_one_intent_is_a_duplicate_at_any_instant() -> None:
    again = replace(GATEWAY, orders=(*GATEWAY.orders, replace(GATEWAY.orders[0], perm_id=900)))
    assert ViolationKind.DUPLICATE in {v.kind for v in check_sending(again, DESK)}


@pytest.mark.parametrize("intents", [{}, {"entry": Intent("entry", 11, 7, None, "RESERVED", 1)}], ids=["none", "other"])
def test_an_order_without_its_committed_id_is_seen(intents) -> None:
    assert ViolationKind.UNCOMMITTED in {v.kind for v in check_sending(GATEWAY, replace(DESK, intents=intents))}


def test_an_order_that_the_gateway_still_holds_back_is_an_orphan() -> None:
    assert ViolationKind.ORPHAN in kinds(changed_leg("stop", is_staged=True, is_live=False), DESK)


def test_an_execution_that_is_not_booked_is_lost_and_the_ledger_differs() -> None:
    desk = replace(DESK, fills=(), positions={}, cash_usd=Decimal(100_000))
    assert kinds(GATEWAY, desk) == {ViolationKind.LOST_FILL, ViolationKind.LEDGER}


def test_an_execution_booked_at_another_price_or_commission_is_seen() -> None:
    wrong = replace(DESK, fills=(replace(DESK.fills[0], commission_usd=None),))
    assert kinds(GATEWAY, wrong) == {ViolationKind.LOST_FILL, ViolationKind.LEDGER}


@pytest.mark.parametrize(
    "log",
    [
        changed_leg("stop", is_live=False),
        changed_leg("stop", remaining=Decimal(4)),
        changed_leg("target", is_live=False),
    ],
    ids=["no stop", "a stop for part of it", "no target"],
)
def test_a_position_without_exactly_its_protection_is_seen(log) -> None:
    assert kinds(log, DESK) == {ViolationKind.UNPROTECTED}


def test_protection_of_shares_that_are_gone_is_seen() -> None:
    flat = replace(GATEWAY, positions={})
    assert ViolationKind.UNPROTECTED in kinds(flat, replace(DESK, positions={}))


def test_an_order_that_was_never_sent_is_seen() -> None:
    assert kinds(GATEWAY, with_status("target", OrderStatus.RESERVED)) == {ViolationKind.UNSENT}


def test_an_order_of_unknown_fate_is_right_only_where_placements_vanish_and_people_were_told() -> None:
    parked = with_status("stop", OrderStatus.UNKNOWN)
    assert kinds(GATEWAY, parked) == {ViolationKind.PARKED, ViolationKind.SILENT}
    assert kinds(GATEWAY, replace(parked, alarms=frozenset({"unknown:stop"})), may_park=True) == set()
