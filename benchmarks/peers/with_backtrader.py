"""The spec in backtrader, as its documentation does it: pandas feeds, its own indicators, `next()`, market orders."""

from __future__ import annotations

import backtrader as bt
import pandas as pd
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


class SpecV1(bt.Strategy):  # type: ignore[misc]
    """Orders are sent in the order of the feeds, and meet the next open in that order."""

    def __init__(self) -> None:
        self.fast = {d: bt.indicators.SimpleMovingAverage(d.close, period=FAST) for d in self.datas}
        self.slow = {d: bt.indicators.SimpleMovingAverage(d.close, period=SLOW) for d in self.datas}
        self.rsi = {d: bt.indicators.RSI(d.close, period=RSI_BARS) for d in self.datas}
        self.entry_price: dict[object, float] = {}
        self.peak: dict[object, float] = {}
        self.fills: list[Fill] = []

    def notify_order(self, order: bt.Order) -> None:
        """Note what was filled; a buy that cash does not cover ends as `Margin`."""
        if order.status != order.Completed:
            return
        data, price, quantity = order.data, order.executed.price, abs(int(order.executed.size))
        if order.isbuy():
            self.entry_price[data] = self.peak[data] = price
        self.fills.append((len(self) - 1, data._name, BUY if order.isbuy() else SELL, quantity, price))

    def next(self) -> None:
        """Decide at the close."""
        equity, free = self.broker.getvalue(), self.broker.getcash()
        for data in self.datas:
            close, held = data.close[0], self.getposition(data).size
            if held:
                self.peak[data] = max(self.peak[data], close)
                fallen = close <= self.peak[data] * (1.0 - TRAIL_FRAC)
                risen = close >= self.entry_price[data] * (1.0 + TARGET_FRAC)
                if fallen or risen or self.rsi[data][0] > MAX_RSI:
                    self.sell(data=data, size=held)
            elif self.fast[data][0] > self.slow[data][0] and self.rsi[data][0] < MAX_RSI:
                quantity = int(WEIGHT_FRAC * equity / close)
                if quantity >= 1 and quantity * close <= free:
                    self.buy(data=data, size=quantity)
                    free -= quantity * close


def run(bars: Bars) -> Run:
    """Feed, run and read the broker."""
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(CASH_USD)
    # Cash is looked at when an order fills, and slippage is paid in full, also beyond the bar's range.
    cerebro.broker.set_checksubmit(False)
    cerebro.broker.set_slippage_perc(SLIPPAGE_FRAC, slip_open=True, slip_match=True, slip_out=True)
    index = pd.DatetimeIndex(bars.times)
    for column, symbol in enumerate(bars.symbols):
        prices = {name: getattr(bars, name)[:, column] for name in ("open", "high", "low", "close")}
        cerebro.adddata(bt.feeds.PandasData(dataname=pd.DataFrame(prices | {"volume": 0.0}, index=index)), name=symbol)
    cerebro.addstrategy(SpecV1)
    strategy = cerebro.run()[0]
    return Run(strategy.fills, float(cerebro.broker.getvalue()))


if __name__ == "__main__":
    program("backtrader", run)
