"""Whether a position counts as guarded, also while it is being sold."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from rich.console import Console
from trading.domain.guards import guards_of
from trading.domain.orders import OrderPurpose, OrderType, Side
from trading.domain.portfolio import Portfolio, Position, TradingState
from trading.entrypoints.bot.stopping import stopped_reply
from trading.reporting.guards import guards_table
from trading.reporting.tables import positions_table
from trading.tasks.kill_switch import Change, Sweep

from tests.builders import AS_OF, BOOK, a_lot, an_order
from tests.telegram_wire import Words

STOP, TARGET, EXIT, TRIM = OrderPurpose.STOP, OrderPurpose.TARGET, OrderPurpose.EXIT, OrderPurpose.TRIM


def guard(held: int, **working: int):
    orders = [("NVDA", OrderPurpose(name), Decimal(shares)) for name, shares in working.items()]
    (found,) = guards_of({"NVDA": Decimal(held)}, orders)
    return found


@pytest.mark.parametrize(
    ("working", "is_ok", "is_leaving"),
    [
        ({"stop": 10, "target": 10}, True, False),
        ({"stop": 10}, False, False),
        ({}, False, False),
        ({"exit": 10}, True, True),
        ({"trim": 4, "stop": 6, "target": 6}, True, True),
        ({"rebalance": 4, "stop": 10, "target": 10}, True, False),
        ({"exit": 4}, False, False),
        ({"exit": 14}, False, False),
        ({"entry": 10}, False, False),
    ],
)
def test_what_is_being_sold_needs_no_stop_and_what_is_left_does(working, is_ok, is_leaving):
    found = guard(10, **working)
    assert (found.is_ok, found.is_leaving) == (is_ok, is_leaving)


def test_nobody_is_told_to_place_a_stop_beside_a_sale():
    change = Change(TradingState.ACTIVE, TradingState.REDUCE_ONLY, sends_ended=True)
    found = Sweep(guards=(guard(10, exit=10),))
    told = Words.of("\n".join(stopped_reply(change, found).blocks))
    assert "sells" in told
    assert "not protected" not in told
    assert found.is_safe
    assert "10 being sold" in printed(guards_table("book", found.guards))


def test_what_a_stop_left_bare_is_named_with_what_becomes_of_it():
    found = Sweep(cancelled=1, guards=(guard(10),))
    change = Change(TradingState.ACTIVE, TradingState.HALTED, sends_ended=True)
    told = Words.of("\n".join(stopped_reply(change, found).blocks))
    assert "not protected as it should be: NVDA; the next hour places what is missing" in told
    assert not found.is_safe


def test_a_position_that_is_being_sold_is_not_listed_as_without_protection():
    sale = an_order(side=Side.SELL, order_type=OrderType.MARKET_ON_OPEN, purpose=EXIT, limit_price=None)
    held = Portfolio(BOOK, AS_OF, Decimal(0), {"NVDA": Position("NVDA", (a_lot(),), 101.0)})
    assert "10 being sold" in printed(positions_table("book", held, [sale]))
    assert "NONE" in printed(positions_table("book", held, []))


def printed(table) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(table)
    return console.file.getvalue()
