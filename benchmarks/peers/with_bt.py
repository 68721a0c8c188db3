"""The spec in bt: one algo that trades at the opens, which are bt's prices, on what the closes before them decided.

bt charges the half spread as a commission of the same size, because a fill has the price of its row.
"""

from __future__ import annotations

import bt
import numpy as np
import pandas as pd
import talib
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
    Fill,
    Run,
    program,
)


class SpecV1(bt.Algo):  # type: ignore[misc]
    """At each open: decide by the bar before it, then trade in the order of the symbols."""

    def __init__(self, bars: Bars) -> None:
        super().__init__()
        self.symbols = bars.symbols
        columns = [np.ascontiguousarray(bars.close[:, s]) for s in range(len(bars.symbols))]
        rsi = np.column_stack([talib.RSI(c, RSI_BARS) for c in columns])
        golden = np.column_stack([talib.SMA(c, FAST) > talib.SMA(c, SLOW) for c in columns])
        self.wanted = [np.flatnonzero(row).tolist() for row in golden & (rsi < MAX_RSI)]
        self.overbought = (rsi > MAX_RSI).tolist()
        self.open, self.close = bars.open.tolist(), bars.close.tolist()
        self.held: dict[int, tuple[int, float, float]] = {}
        self.fills: list[Fill] = []
        self.bar = -1

    def __call__(self, target: bt.Strategy) -> bool:
        self.bar += 1
        if self.bar:
            for s, quantity in sorted(self._orders(target.capital).items()):
                self._trade(target, s, quantity)
        return True

    def _orders(self, cash_usd: float) -> dict[int, int]:
        """Return shares to buy (positive) or sell by symbol, decided at the close before this open."""
        now, overbought = self.close[self.bar - 1], self.overbought[self.bar - 1]
        equity = cash_usd + sum(self.held[s][0] * now[s] for s in sorted(self.held))
        orders: dict[int, int] = {}
        free = cash_usd
        for s, (shares, entry_price, peak) in self.held.items():
            close = now[s]
            peak = max(peak, close)
            self.held[s] = (shares, entry_price, peak)
            fallen, risen = close <= peak * (1.0 - TRAIL_FRAC), close >= entry_price * (1.0 + TARGET_FRAC)
            if fallen or risen or overbought[s]:
                orders[s] = -shares
        for s in self.wanted[self.bar - 1]:
            quantity = int(WEIGHT_FRAC * equity / now[s])
            if s not in self.held and quantity >= 1 and quantity * now[s] <= free:
                orders[s] = quantity
                free -= quantity * now[s]
        return orders

    def _trade(self, target: bt.Strategy, s: int, quantity: int) -> None:
        price = self.open[self.bar][s] * (1.0 + SLIPPAGE_FRAC if quantity > 0 else 1.0 - SLIPPAGE_FRAC)
        if price * quantity > target.capital:
            return
        target.transact(quantity, child=self.symbols[s])
        if quantity > 0:
            self.held[s] = (quantity, price, price)
        else:
            del self.held[s]
        self.fills.append((self.bar, self.symbols[s], BUY if quantity > 0 else SELL, abs(quantity), price))


def run(bars: Bars) -> Run:
    """Run bt over the opens; the last close values what is held at the end."""
    prices = pd.DataFrame(bars.open, index=pd.DatetimeIndex(bars.times), columns=list(bars.symbols))
    test = bt.Backtest(
        bt.Strategy("spec_v1", [SpecV1(bars)], children=list(bars.symbols)),
        prices,
        initial_capital=CASH_USD,
        commissions=lambda quantity, price: abs(quantity) * price * SLIPPAGE_FRAC,
        integer_positions=True,
        progress_bar=False,
    )
    test.run()
    algo = test.strategy.stack.algos[0]  # the backtest works on a copy of its strategy
    last = bars.close[-1].tolist()
    value = test.strategy.capital + sum(shares * last[s] for s, (shares, _, _) in algo.held.items())
    return Run(algo.fills, float(value))


if __name__ == "__main__":
    program("bt", run)
