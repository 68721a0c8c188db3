"""The spec in plain Python lists: slow to read nothing into, and the arbiter where two programs differ."""

from __future__ import annotations

from itertools import pairwise

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


def sma(closes: list[float], window: int) -> list[float | None]:
    """Return the mean of the last `window` closes; None before there are so many."""
    means: list[float | None] = [None] * len(closes)
    for bar in range(window - 1, len(closes)):
        means[bar] = sum(closes[bar - window + 1 : bar + 1]) / window
    return means


def wilder_rsi(closes: list[float], window: int) -> list[float | None]:
    """Return Wilder's RSI; None before there are `window` changes."""
    values: list[float | None] = [None] * len(closes)
    changes = [later - earlier for earlier, later in pairwise(closes)]
    if len(changes) < window:
        return values
    up = sum(max(c, 0.0) for c in changes[:window]) / window
    down = sum(max(-c, 0.0) for c in changes[:window]) / window
    for bar in range(window, len(closes)):
        if bar > window:
            change = changes[bar - 1]
            up = (up * (window - 1) + max(change, 0.0)) / window
            down = (down * (window - 1) + max(-change, 0.0)) / window
        values[bar] = 100.0 if down == 0 else 100.0 - 100.0 / (1.0 + up / down)
    return values


class Book:
    """Cash, positions and the orders that wait for the next open."""

    def __init__(self) -> None:
        self.cash_usd = CASH_USD
        self.shares: dict[int, int] = {}
        self.entry_price: dict[int, float] = {}
        self.peak: dict[int, float] = {}
        self.orders: dict[int, int] = {}
        self.fills: list[Fill] = []

    def trade(self, bar: int, opens: list[float], symbols: tuple[str, ...]) -> None:
        """Fill what waits at the open of `bar`, symbol by symbol; a buy that cash does not cover is dropped."""
        for s in sorted(self.orders):
            quantity = self.orders[s]
            if quantity > 0:
                price = opens[s] * (1.0 + SLIPPAGE_FRAC)
                if price * quantity > self.cash_usd:
                    continue
                self.cash_usd -= price * quantity
                self.shares[s], self.entry_price[s], self.peak[s] = quantity, price, price
                self.fills.append((bar, symbols[s], BUY, quantity, price))
            else:
                price = opens[s] * (1.0 - SLIPPAGE_FRAC)
                self.cash_usd += price * -quantity
                del self.shares[s]
                self.fills.append((bar, symbols[s], SELL, -quantity, price))
        self.orders = {}

    def equity_usd(self, closes: list[float]) -> float:
        """Return cash and positions at the closes."""
        return self.cash_usd + sum(self.shares[s] * closes[s] for s in sorted(self.shares))


def run(bars: Bars) -> Run:
    """Walk bar by bar: trade at the open, decide at the close."""
    opens, closes = bars.open.tolist(), bars.close.tolist()
    columns = [list(column) for column in zip(*closes, strict=True)]
    fast, slow = ([sma(column, window) for column in columns] for window in (FAST, SLOW))
    rsi = [wilder_rsi(column, RSI_BARS) for column in columns]
    book = Book()
    for bar, now in enumerate(closes):
        book.trade(bar, opens[bar], bars.symbols)
        equity, free = book.equity_usd(now), book.cash_usd
        for s, close in enumerate(now):
            f, w, r = fast[s][bar], slow[s][bar], rsi[s][bar]
            if s in book.shares:
                book.peak[s] = max(book.peak[s], close)
                fallen = close <= book.peak[s] * (1.0 - TRAIL_FRAC)
                risen = close >= book.entry_price[s] * (1.0 + TARGET_FRAC)
                if fallen or risen or (r is not None and r > MAX_RSI):
                    book.orders[s] = -book.shares[s]
            elif f is not None and w is not None and r is not None and f > w and r < MAX_RSI:
                quantity = int(WEIGHT_FRAC * equity / close)
                if quantity >= 1 and quantity * close <= free:
                    book.orders[s] = quantity
                    free -= quantity * close
    return Run(book.fills, book.equity_usd(closes[-1]))


if __name__ == "__main__":
    program("", run)
