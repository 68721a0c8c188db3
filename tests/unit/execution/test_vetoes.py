from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from trading.domain.instruments import Sector
from trading.domain.orders import OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.domain.portfolio import TradingState
from trading.execution.desk import Desk
from trading.execution.vetoes import CHECKS, Limits, vet

from tests.builders import AS_OF, an_order

LIMITS = Limits(asset_cap_frac=0.10, sector_cap_frac=0.40, cash_buffer_frac=0.02, collar_frac=0.03, vix=30.0)
SECTORS = {"NVDA": Sector.AI, "AMD": Sector.AI, "BOTZ": Sector.AI, "AAPL": Sector.TECH}
DESK = Desk(
    now=AS_OF,
    session_on=AS_OF.date(),
    state=TradingState.ACTIVE,
    closes_at=AS_OF + timedelta(hours=5, minutes=30),
    nav_usd=100_000.0,
    cash_usd=Decimal(100_000),
    vix=15.0,
    prices={"NVDA": 100.0, "AMD": 100.0, "AAPL": 100.0},
    sectors=SECTORS,
)


def an_exit(**overrides):
    base = {"side": Side.SELL, "order_type": OrderType.MARKET, "limit_price": None, "expires_at": None}
    return an_order(**base, purpose=OrderPurpose.EXIT, time_in_force=TimeInForce.DAY, **overrides)


@pytest.mark.parametrize(
    ("code", "desk", "order"),
    [
        ("STATE", {"state": TradingState.REDUCE_ONLY}, {}),
        ("BAD_QTY", {}, {"quantity": Decimal("1.5")}),
        ("BAD_PRICE", {"prices": {}}, {}),
        ("PRICE_COLLAR", {}, {"limit_price": Decimal("103.50")}),
        ("MARKET_CLOSED", {"closes_at": AS_OF}, {}),
        ("TOO_LATE", {"closes_at": AS_OF + timedelta(minutes=4)}, {}),
        ("UNFIT_SYMBOL", {"unfit": {"NVDA": "last value is too old"}}, {}),
        ("VIX_BLOCK", {"vix": 30.1}, {}),
        ("VIX_BLOCK", {"vix": None}, {}),
        ("WORKING_ORDER", {"working": frozenset({"NVDA"})}, {}),
        ("WASH_BLOCK", {"wash_until": {"NVDA": date(2019, 6, 3)}}, {}),
        ("ASSET_CAP", {}, {"quantity": Decimal(100)}),
        ("SECTOR_CAP", {"held": {"AMD": Decimal(395)}}, {}),
        ("NO_CASH", {"cash_usd": Decimal(2_900)}, {}),
        ("NO_CASH", {"nav_usd": None}, {}),
        ("DAILY_LIMIT", {"orders_today": 20}, {}),
    ],
)
def test_an_entry_is_denied_with_its_code(code, desk, order):
    # NO_CASH is reached with caps out of the way where NAV itself is what is missing.
    checks = [c for c in CHECKS if not (desk.get("nav_usd", 1) is None and c[0].endswith("_CAP"))]
    passed, vetoes = vet([an_order(**order)], replace(DESK, **desk), LIMITS, checks)
    assert (passed, [v.code for v in vetoes]) == ((), [code])
    assert vetoes[0].order.status is OrderStatus.DENIED
    assert vetoes[0].order.detail.startswith(code)


def test_a_sound_entry_passes():
    passed, vetoes = vet([an_order()], DESK, LIMITS)
    assert (len(passed), vetoes) == (1, ())


def test_nothing_but_state_and_sanity_stops_a_way_out():
    closed = replace(
        DESK,
        state=TradingState.REDUCE_ONLY,
        closes_at=None,
        vix=None,
        nav_usd=None,
        orders_today=99,
        held={"NVDA": Decimal(10)},
        unfit={"NVDA": "stale"},
        wash_until={"NVDA": date(2030, 1, 1)},
    )
    assert len(vet([an_exit()], closed, LIMITS)[0]) == 1
    assert vet([an_exit()], replace(closed, state=TradingState.HALTED), LIMITS)[1][0].code == "STATE"
    assert vet([an_exit(quantity=Decimal(11))], closed, LIMITS)[1][0].code == "WOULD_SHORT"


def test_each_entry_counts_for_the_next_one():
    desk = replace(DESK, cash_usd=Decimal(3_500))
    orders = [an_order(), an_order(symbol="AAPL")]
    passed, vetoes = vet(orders, desk, LIMITS)
    assert [o.symbol for o in passed] == ["NVDA"]
    assert [v.code for v in vetoes] == ["NO_CASH"]


def test_protection_falls_with_its_entry():
    entry = an_order(quantity=Decimal(500))
    stop = an_order(side=Side.SELL, purpose=OrderPurpose.STOP, leg=1, parent_id=entry.order_id, limit_price=None)
    assert [v.code for v in vet([entry, stop], DESK, LIMITS)[1]] == ["ASSET_CAP", "ASSET_CAP"]
