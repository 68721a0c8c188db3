"""The broker's words and ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from trading.adapters.ibkr import translate
from trading.domain.instruments import BookId, BookKind
from trading.domain.orders import Order, OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.errors import InvariantBroken, PermanentError

from tests.fakes import ny

AT = ny("2019-06-03 10:30")
ENTRY = Order(
    "ref", BookId(BookKind.PAPER, "DU1"), "d", "NVDA", Side.BUY, Decimal(10), OrderType.LIMIT, TimeInForce.UNTIL,
    OrderPurpose.ENTRY, AT, limit_price=Decimal("100.50"), expires_at=AT + timedelta(minutes=25),
)  # fmt: skip


def fields_of(order: Order) -> dict:
    return translate.order_fields(order, order_id=7, parent_id=0, account="DU1", is_last=True, group="")


def test_every_status_that_the_library_knows_has_a_meaning() -> None:
    from ib_insync import OrderStatus as Words

    for word in Words.ActiveStates | Words.DoneStates | {"Inactive", "PendingCancel", "PreSubmitted"}:
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


def test_market_on_open_is_a_market_order_for_the_auction() -> None:
    at_open = replace(ENTRY, order_type=OrderType.MARKET_ON_OPEN, time_in_force=TimeInForce.OPENING, limit_price=None)
    assert (fields_of(at_open)["orderType"], fields_of(at_open)["tif"]) == ("MKT", "OPG")


@pytest.mark.parametrize("broken", [{"quantity": Decimal("1.5")}, {"limit_price": None}, {"expires_at": None}])
def test_an_order_that_cannot_be_sent_raises_before_anything_leaves(broken: dict) -> None:
    with pytest.raises(InvariantBroken):
        fields_of(replace(ENTRY, **broken))
