"""The oracle of the golden cross through our indicators, matching, commission and lots, bar by bar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from trading.analysis.technicals import PRICE_INDICATORS, Ohlc
from trading.domain.market import Bar, Resolution
from trading.domain.orders import Order, OrderPurpose, OrderType, Side, TimeInForce
from trading.domain.portfolio import Portfolio
from trading.engine.market import Traffic, accept, run_bars
from trading.engine.state import BookState
from trading.execution.costs import CostModel

from tests.builders import BOOK, a_bar, an_order, no_fees
from tests.oracles import oracle

COSTS = CostModel(half_spread_frac=0.0, fees=no_fees)
"""IBKR's fixed commission alone: the oracle knows no fees of the regulator."""


@pytest.fixture(scope="module")
def wanted() -> dict[str, Any]:
    return oracle("golden_cross_expected.json")


@pytest.fixture(scope="module")
def bars(wanted) -> list[Bar]:
    def a_day(row: dict[str, str]) -> Bar:
        starts_at = datetime.combine(date.fromisoformat(row["session"]), datetime.min.time(), UTC) + timedelta(hours=14)
        prices = {name: float(row[name]) for name in ("open", "high", "low", "close")}
        return a_bar(starts_at=starts_at, resolution=Resolution.DAY, **prices)

    return [a_day(row) for row in oracle(wanted["file"])]


def golden(bars: list[Bar]) -> list[bool]:
    close = np.array([bar.close for bar in bars])
    prices = Ohlc(np.array([bar.high for bar in bars]), np.array([bar.low for bar in bars]), close)
    fast, slow = PRICE_INDICATORS["sma_50"](prices), PRICE_INDICATORS["sma_200"](prices)
    return (fast > slow).tolist()


def an_order_at(close_of: Bar, side: Side, shares: int) -> Order:
    purpose = OrderPurpose.ENTRY if side is Side.BUY else OrderPurpose.EXIT
    return an_order(
        side=side, purpose=purpose, quantity=Decimal(shares), order_type=OrderType.MARKET, limit_price=None,
        time_in_force=TimeInForce.GTC, expires_at=None, planned_at=close_of.ends_at, decision_id=f"d{close_of.ends_at}",
    )  # fmt: skip


def test_fills_fees_and_equity_are_those_of_the_oracle(bars, wanted):
    state, traffic = BookState(Portfolio(BOOK, bars[0].starts_at, Decimal(100_000))), Traffic()
    equity: list[float] = []
    for bar, is_golden in zip(bars, golden(bars), strict=True):
        state = run_bars(state, [bar], COSTS, traffic)
        held = state.held.get("NVDA", Decimal(0))
        equity.append(float(state.portfolio.cash_usd) + float(held) * bar.close)
        if is_golden != bool(held):
            side = Side.BUY if is_golden else Side.SELL
            state = accept(state, [an_order_at(bar, side, wanted["qty"])], bar.ends_at, traffic)
    fills = [booking.fill for booking in traffic.bookings]
    row_of = {bar.starts_at: row for row, bar in enumerate(bars)}
    assert [
        (f.side.value, row_of[f.executed_at], float(f.price), int(f.quantity), float(f.commission_usd)) for f in fills
    ] == [(t["side"], t["fill_bar"], t["price"], t["qty"], t["fee"]) for t in wanted["trades"]]
    assert {row: equity[int(row)] for row in wanted["equity_at"]} == pytest.approx(wanted["equity_at"])
    assert equity[-1] == pytest.approx(wanted["final_equity"])
    assert (float(state.portfolio.cash_usd), int(state.held["NVDA"])) == (
        wanted["final_cash"], wanted["final_position"],
    )  # fmt: skip
