"""The spec in vectorbt: `Portfolio.from_order_func` with compiled callbacks over one shared cash account."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import talib
import vectorbt as vbt
from common import (
    BUY,
    CASH_USD,
    FAST,
    MAX_RSI,
    RSI_BARS,
    SELL,
    SLIPPAGE_FRAC,
    SLOW,
    TARGET_FRAC,
    TRAIL_FRAC,
    WEIGHT_FRAC,
    Bars,
    Run,
    program,
)
from numba import njit
from vectorbt.portfolio import nb
from vectorbt.portfolio.enums import NoOrder

WARM_UP_BARS = 400


@njit  # type: ignore[untyped-decorator]
def equity_at_the_close_before(c: Any, close: Any, free: Any) -> Any:
    """Return the equity [USD] that this bar's buys are sized by; `free` gets the cash that they may plan with."""
    free[0] = equity = c.last_cash[c.group]
    if c.i > 0:
        for col in range(c.from_col, c.to_col):
            equity += c.last_position[col] * close[c.i - 1, col]
    return (equity,)


@njit  # type: ignore[untyped-decorator]
def order_of(
    c: Any, equity: float, close: Any, open_: Any, wanted: Any, overbought: Any, entry: Any, peak: Any, free: Any
) -> Any:
    """Return what the close before decided for one symbol, at this open."""
    if c.i == 0:
        return NoOrder
    now = close[c.i - 1, c.col]
    if c.position_now > 0:
        peak[c.col] = max(peak[c.col], now)
        fallen = now <= peak[c.col] * (1.0 - TRAIL_FRAC)
        risen = now >= entry[c.col] * (1.0 + TARGET_FRAC)
        if fallen or risen or overbought[c.i - 1, c.col]:
            return nb.order_nb(size=-c.position_now, price=open_[c.i, c.col], slippage=SLIPPAGE_FRAC)
        return NoOrder
    if not wanted[c.i - 1, c.col]:
        return NoOrder
    quantity = np.floor(WEIGHT_FRAC * equity / now)
    if quantity < 1 or quantity * now > free[0]:
        return NoOrder
    free[0] -= quantity * now
    price = open_[c.i, c.col] * (1.0 + SLIPPAGE_FRAC)
    if price * quantity > c.cash_now:
        return NoOrder
    entry[c.col] = peak[c.col] = price
    return nb.order_nb(size=quantity, price=open_[c.i, c.col], slippage=SLIPPAGE_FRAC)


def simulated(bars: Bars) -> vbt.Portfolio:
    """Return the portfolio."""
    columns = [np.ascontiguousarray(bars.close[:, s]) for s in range(len(bars.symbols))]
    rsi = np.column_stack([talib.RSI(c, RSI_BARS) for c in columns])
    golden = np.column_stack([talib.SMA(c, FAST) > talib.SMA(c, SLOW) for c in columns])
    wanted, overbought = golden & (rsi < MAX_RSI), rsi > MAX_RSI
    width, free = len(bars.symbols), np.zeros(1)
    return vbt.Portfolio.from_order_func(
        pd.DataFrame(bars.close, index=pd.DatetimeIndex(bars.times), columns=list(bars.symbols)),
        order_of,
        bars.close,
        bars.open,
        wanted,
        overbought,
        np.zeros(width),
        np.zeros(width),
        free,
        pre_segment_func_nb=equity_at_the_close_before,
        pre_segment_args=(bars.close, free),
        group_by=True,
        cash_sharing=True,
        init_cash=CASH_USD,
        freq="1h",
    )


def run(bars: Bars) -> Run:
    """Simulate and read the orders."""
    portfolio = simulated(bars)
    records = np.sort(portfolio.orders.values, order=("idx", "col"))
    sides = np.where(records["side"] == 0, BUY, SELL).tolist()
    names = [bars.symbols[col] for col in records["col"].tolist()]
    shares = records["size"].astype(np.int64).tolist()
    fills = list(zip(records["idx"].tolist(), names, sides, shares, records["price"].tolist(), strict=True))
    return Run(fills, float(portfolio.final_value()))


def warm_up(bars: Bars) -> None:
    """Compile on the first bars."""
    run(bars.first(WARM_UP_BARS))


if __name__ == "__main__":
    program("vectorbt", run, warm_up=warm_up)
