"""As many symbols as a benchmark wants: a bar source in this process, and services around it. Every row is invented."""

from __future__ import annotations

import itertools
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache

import numpy as np
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store import PostgresStore
from trading.analysis.quality import expected_windows
from trading.domain.instruments import Instrument, InstrumentKind, Sector, Symbol, Universe
from trading.domain.market import SYNTHETIC, Bar, Resolution, Session, TimeWindow
from trading.domain.panel import FloatArray
from trading.ports import Services, Sources
from trading.strategy.catalogue import spec_named
from trading.strategy.spec import StrategySpec


class Unplugged(Exception):
    """The source stops in the middle, as if the process had been killed."""


class InventedBars:
    """Half-hour and daily bars of any symbol on the real calendar; a symbol's random walk depends on its name alone.

    Attributes:
        asks_left: how often it still answers; None for ever.
    """

    name = SYNTHETIC

    def __init__(self, calendar: NyseCalendar, first_on: date, last_on: date) -> None:
        sessions = calendar.sessions(first_on, last_on)
        self._spans = {
            resolution: expected_windows(sessions, resolution, through=sessions[-1].closes_at)
            for resolution in (Resolution.HALF_HOUR, Resolution.DAY)
        }
        self._starts = {resolution: [span.starts_at for span in spans] for resolution, spans in self._spans.items()}
        self._path = lru_cache(maxsize=8)(self._walk)
        self.asks_left: int | None = None

    def served_until(self, symbol: Symbol, resolution: Resolution, as_of: datetime) -> datetime | None:
        """Return `as_of`; None for hours."""
        return as_of if resolution in self._spans else None

    def bars(self, symbol: Symbol, window: TimeWindow, resolution: Resolution) -> Iterator[Bar]:
        """Return the bars of `symbol` of `window` that ended in it, ascending."""
        if self.asks_left == 0:
            raise Unplugged
        self.asks_left = None if self.asks_left is None else self.asks_left - 1
        first, last = (bisect_left(self._starts[resolution], at) for at in (window.starts_at, window.ends_at))
        prices = self._path(symbol, resolution)[first : last + 1].tolist()
        spans = [span for span in self._spans[resolution][first:last] if span.ends_at <= window.ends_at]
        for number, span in enumerate(spans):
            opened, close = prices[number], prices[number + 1]
            yield Bar(
                symbol, resolution, span.starts_at, span.ends_at,
                opened, max(opened, close) + 0.125, min(opened, close) - 0.125, close, 1000.0 + (first + number) % 500,
                SYNTHETIC, span.ends_at,
            )  # fmt: skip

    def count(self, sessions: Sequence[Session]) -> int:
        """Return how many bars of one symbol lie in `sessions`."""
        until = sessions[-1].closes_at
        spans = itertools.chain.from_iterable(self._spans.values())
        return sum(sessions[0].opens_at <= span.starts_at and span.ends_at <= until for span in spans)

    def _walk(self, symbol: Symbol, resolution: Resolution) -> FloatArray:
        steps = np.random.default_rng(zlib.crc32(f"{symbol} {resolution}".encode())).standard_normal(
            len(self._spans[resolution]) + 1
        )
        walk: FloatArray = np.round(100.0 * np.exp(np.clip(np.cumsum(0.002 * steps), -2, 2)), 4)
        return walk


@dataclass
class SetClock:
    """A clock that stands where it was set."""

    at: datetime

    def now(self) -> datetime:
        """Return the instant that was set."""
        return self.at


def names(count: int) -> list[Symbol]:
    """Return `count` tickers of four or five letters and digits."""
    return [f"S{number:03d}" if number < 1000 else f"S{number}" for number in range(count)]


def services_on(url: str, source: InventedBars, at: datetime) -> Services:
    """Return services of a desk that has this source and nothing else."""
    return Services(PostgresStore(url), NyseCalendar(), SetClock(at), Sources(bars=(source,)), broker=None)


def spec_of(symbols: list[Symbol]) -> StrategySpec:
    """Return the strategy with `symbols` for a universe."""
    lines = tuple(Instrument(symbol, Sector.TECH, InstrumentKind.STOCK, symbol) for symbol in symbols)
    return replace(spec_named("three_sector"), universe=Universe(lines))
