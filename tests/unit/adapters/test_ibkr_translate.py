"""The broker's words and ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from trading.adapters.ibkr import translate
from trading.adapters.ibkr.hearing import Row
from trading.adapters.ibkr.library import client_library
from trading.domain.instruments import BookId, BookKind
from trading.domain.orders import Order, OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.errors import InvariantBroken, PermanentError

from tests.fakes import ny

AT = ny("2019-06-03 10:30")
ENTRY = Order(
    "ref", BookId(BookKind.PAPER, "DU1"), "d", "NVDA", Side.BUY, Decimal(10), OrderType.LIMIT, TimeInForce.UNTIL,
    OrderPurpose.ENTRY, AT, limit_price=Decimal("100.50"), expires_at=AT + timedelta(minutes=25),
)  # fmt: skip


STEPS = ((Decimal(0), Decimal("0.0001")), (Decimal(1), Decimal("0.01")))


def fields_of(order: Order, *others: Order) -> dict:
    family = translate.Family.of([order, *others], first_id=7)
    return translate.order_fields(order, order_id=7, account="DU1", family=family, steps=STEPS)


def row(status: str, **fields) -> Row:
    library = client_library()
    order = library.order(**{"orderId": 7, "permId": 70, "clientId": 11, "action": "BUY", "totalQuantity": 10.0})
    return Row(library.stock("NVDA", "SMART", "USD"), order, status, **fields)


def test_every_status_that_the_library_knows_has_a_meaning() -> None:
    words = import_module(client_library().name).OrderStatus
    for word in words.ActiveStates | words.DoneStates | {"Inactive", "PendingCancel", "PreSubmitted"}:
        assert translate.status_of(word, Decimal(0), is_completed=False)


def test_an_unknown_status_raises() -> None:
    with pytest.raises(PermanentError, match="Sleeping"):
        translate.status_of("Sleeping", Decimal(0), is_completed=False)


def test_a_live_order_with_shares_filled_is_partially_filled() -> None:
    assert translate.status_of("Submitted", Decimal(3), is_completed=False) is OrderStatus.PARTIALLY_FILLED


def test_every_order_type_and_time_in_force_can_be_sent() -> None:
    assert set(translate.ORDER_TYPES) == set(OrderType)
    assert set(translate.TIMES_IN_FORCE) == set(TimeInForce)


def test_time_in_force_account_and_reference_are_always_explicit() -> None:
    sent = fields_of(ENTRY)
    assert (sent["tif"], sent["account"], sent["orderRef"], sent["orderId"]) == ("GTD", "DU1", "ref", 7)
    assert sent["goodTillDate"] == "20190603-14:55:00"


def test_a_trailing_stop_is_sent_in_percent() -> None:
    stop = replace(ENTRY, order_type=OrderType.TRAIL, time_in_force=TimeInForce.GTC, trail_frac=0.12, limit_price=None)
    assert fields_of(stop)["trailingPercent"] == 12.0


def test_a_price_moves_to_the_grid_on_the_safe_side() -> None:
    buy = fields_of(replace(ENTRY, limit_price=Decimal("100.509")))
    sale = fields_of(replace(ENTRY, side=Side.SELL, limit_price=Decimal("100.501")))
    assert (buy["lmtPrice"], sale["lmtPrice"]) == (100.5, 100.51)


def test_cheap_shares_move_in_smaller_steps() -> None:
    assert translate.allowed_price(Decimal("0.98765"), STEPS, Side.BUY) == Decimal("0.9876")


def test_children_wait_for_their_parent_and_equals_do_not() -> None:
    child = replace(ENTRY, order_id="child", parent_id="ref")
    bracket, pair = fields_of(ENTRY, child), fields_of(ENTRY, replace(child, parent_id=None))
    assert (bracket["transmit"], "ocaGroup" in bracket) == (False, False)
    assert (pair["transmit"], pair["ocaGroup"], pair["ocaType"], pair["parentId"]) == (True, "ref", 1, 0)


def test_an_inactive_order_is_unknown_until_the_broker_says_that_it_refused_it() -> None:
    assert translate.open_order(row("Inactive"), refusal=None).status is OrderStatus.UNKNOWN
    refused = translate.open_order(row("Inactive"), refusal="201 Order rejected - reason: margin")
    assert (refused.status, refused.detail) == (OrderStatus.REJECTED, "201 Order rejected - reason: margin")


def test_a_refusal_heard_about_a_live_order_changes_nothing() -> None:
    live = translate.open_order(row("Submitted", filled=0.0), refusal="321 Error validating request")
    assert (live.status, live.detail) == (OrderStatus.SUBMITTED, None)


def test_a_completed_order_says_why_it_ended() -> None:
    ended = translate.completed_order(row("Cancelled", ended_text="Cancelled by System:\n"), refusal=None)
    assert (ended.status, ended.detail) == (OrderStatus.CANCELLED, "Cancelled by System:")
    rejected = translate.completed_order(row("Inactive", ended_text="no margin"), refusal="201 reason: no margin")
    assert (rejected.status, rejected.detail) == (OrderStatus.REJECTED, "201 reason: no margin")


def test_market_on_open_is_a_market_order_for_the_auction() -> None:
    at_open = replace(ENTRY, order_type=OrderType.MARKET_ON_OPEN, time_in_force=TimeInForce.OPENING, limit_price=None)
    assert (fields_of(at_open)["orderType"], fields_of(at_open)["tif"]) == ("MKT", "OPG")


@pytest.mark.parametrize("broken", [{"quantity": Decimal("1.5")}, {"limit_price": None}, {"expires_at": None}])
def test_an_order_that_cannot_be_sent_raises_before_anything_leaves(broken: dict) -> None:
    with pytest.raises(InvariantBroken):
        fields_of(replace(ENTRY, **broken))
