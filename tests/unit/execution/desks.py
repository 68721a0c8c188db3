"""A desk on which a sound entry passes every check; a test overrides what matters to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from trading.domain.instruments import BookId, BookKind, Sector
from trading.domain.market import Quote
from trading.domain.orders import Order, OrderPurpose, OrderType, Side, TimeInForce
from trading.domain.portfolio import TradingState
from trading.execution.desk import Desk
from trading.execution.limits import Limits

from tests.builders import AS_OF, an_order

LIVE = BookId(BookKind.LIVE, "U1")
LIMITS = Limits(asset_cap_frac=0.10, sector_cap_frac=0.40, cash_buffer_frac=0.02, collar_frac=0.03, vix=30.0)
DESK = Desk(
    now=AS_OF,
    session_on=AS_OF.date(),
    state=TradingState.ACTIVE,
    closes_at=AS_OF + timedelta(hours=5, minutes=30),
    nav_usd=100_000.0,
    previous_nav_usd=100_000.0,
    cash_usd=Decimal(100_000),
    vix=15.0,
    prices={"NVDA": 100.0, "AMD": 100.0, "AAPL": 100.0, "MSFT": 100.0, "GLD": 100.0},
    sectors={"NVDA": Sector.AI, "AMD": Sector.AI, "AAPL": Sector.TECH, "MSFT": Sector.TECH, "GLD": Sector.METALS},
)


def a_desk(**overrides: Any) -> Desk:
    """Return the sound desk with `overrides`."""
    return replace(DESK, **overrides)


def an_exit(**overrides: Any) -> Order:
    """Return a market sale of ten NVDA."""
    base = {
        "side": Side.SELL, "order_type": OrderType.MARKET, "limit_price": None, "expires_at": None,
        "purpose": OrderPurpose.EXIT, "time_in_force": TimeInForce.DAY,
    }  # fmt: skip
    return an_order(**(base | overrides))


def a_stop(entry: Order, **overrides: Any) -> Order:
    """Return the trailing stop that waits for `entry`."""
    base = {
        "symbol": entry.symbol, "side": Side.SELL, "quantity": entry.quantity, "order_type": OrderType.TRAIL,
        "time_in_force": TimeInForce.GTC, "purpose": OrderPurpose.STOP, "leg": 1, "parent_id": entry.order_id,
        "limit_price": None, "expires_at": None, "trail_frac": 0.12,
    }  # fmt: skip
    return an_order(**(base | overrides))


def a_quote(**overrides: Any) -> Quote:
    """Return a fresh quote of NVDA around 100 USD."""
    sound = Quote("NVDA", Decimal("99.99"), Decimal("100.01"), Decimal(100), AS_OF, is_delayed=False, is_halted=False)
    return replace(sound, **overrides)
