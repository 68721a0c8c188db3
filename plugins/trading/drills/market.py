"""A small market for the drills: ten names that drift, gap over limits, crash through stops and jump over targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random

from trading.domain.instruments import Symbol
from trading.domain.market import Bar, Resolution, Session
from trading.gateway.feed import DailyFeed

SOURCE = "drill"
HALF_HOUR = timedelta(minutes=30)
FIRST_PRICE = 100.0
SMALL_MOVE, GAP = 0.003, 0.012
GAP_SHARE = 0.15
"""Share of bars that open with a gap: an entry then misses its limit and expires."""
SHOCK_SHARE = 0.02
"""Share of bars that run through a stop or a target, between two looks of the desk."""
CRASH, JUMP = 0.82, 1.30


class DrillMarket:
    """Half-hour bars of a few sessions, the same for the same seed."""

    def __init__(self, symbols: Sequence[Symbol], sessions: Sequence[Session], seed: int) -> None:
        self._symbols = tuple(symbols)
        self._days: dict[tuple[Symbol, date], list[Bar]] = {}
        for symbol in self._symbols:
            price, draw = FIRST_PRICE, Random(f"{seed}.{symbol}")
            for session in sessions:
                bars = list(_bars(symbol, session, price, draw))
                self._days[symbol, session.session_on] = bars
                price = bars[-1].close

    def feed(self) -> DailyFeed:
        """Return the feed of the paper gateway."""
        return DailyFeed(self._symbols, lambda symbol, on: self._days.get((symbol, on), []))

    def closes(self, at: datetime) -> list[float]:
        """Return the last close of each symbol at `at` [USD/share], in the order given at the start."""
        return [self._close(symbol, at) for symbol in self._symbols]

    def _close(self, symbol: Symbol, at: datetime) -> float:
        ended = (b for (s, _), bars in self._days.items() if s == symbol for b in bars if b.ends_at <= at)
        return max(ended, key=lambda bar: bar.ends_at).close


def _bars(symbol: Symbol, session: Session, price: float, draw: Random) -> Iterator[Bar]:
    starts_at = session.opens_at
    while starts_at < session.closes_at:
        ends_at = min(starts_at + HALF_HOUR, session.closes_at)
        gap = draw.choice((-GAP, GAP)) if draw.random() < GAP_SHARE else draw.uniform(-SMALL_MOVE, SMALL_MOVE)
        opened = round(price * (1 + gap), 2)
        move = draw.choice((CRASH, JUMP)) if draw.random() < SHOCK_SHARE else 1 + draw.uniform(-SMALL_MOVE, SMALL_MOVE)
        close = round(opened * move, 2)
        high, low = max(opened, close) + 0.05, min(opened, close) - 0.05
        yield Bar(
            symbol, Resolution.HALF_HOUR, starts_at, ends_at, opened, high, low, close, 10_000.0, SOURCE, ends_at
        )  # fmt: skip
        price, starts_at = close, ends_at
