"""A market as wide as a benchmark wants: bars, statements and stories of any number of names. Every row is invented.

Each name's path depends on its number alone. Names drift upwards, so that most stand above their averages. Every hour
the press praises one group of names, a name of each sector, and two hours later it turns on it: so each hour has
something to buy and something to sell.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache

import numpy as np
from trading.adapters.market_calendar import NyseCalendar
from trading.analysis.quality import expected_windows
from trading.domain.instruments import VIX, Symbol
from trading.domain.market import Bar, NewsItem, Resolution, Session, Slot, TimeWindow, session_slots
from trading.domain.panel import FloatArray
from trading.synthetic.headlines import AWFUL, FLAT, GOOD

FIRST_ON, LAST_ON = date(2024, 6, 3), date(2024, 6, 7)
"""Sessions that can be traded."""
DAYS_BEFORE = 620
HALF_HOURS_BEFORE = timedelta(days=20)
NEWS_BEFORE = timedelta(days=3)
GROUPS = 4
PRAISES, BLAMES, FLAT_CHANCE = 4, 8, 0.3
"""Stories an hour about a name that is praised, about one that is blamed; the chance of one about any other."""
CALM_VIX = 15.0
BENCHMARKS = ("SPY", "QQQ")


def names(count: int) -> tuple[Symbol, ...]:
    """Return `count` invented tickers."""
    return tuple(f"N{number:04d}" for number in range(count))


@dataclass(frozen=True, slots=True)
class Statement:
    """A quarter as filed."""

    symbol: Symbol
    period_ends_on: date
    filed_on: date
    eps: float
    revenue_usd: float


class WideMarket:
    """`BarSource` of all names, the benchmarks and the VIX, whatever is asked; `source` stands on its rows."""

    def __init__(self, count: int, source: str) -> None:
        self.symbols, self.name = names(count), source
        self._calendar = NyseCalendar()
        self.sessions = self._calendar.sessions(FIRST_ON - timedelta(days=DAYS_BEFORE * 365 // 250), LAST_ON)
        self._spans = {r: self._windows(r) for r in (Resolution.DAY, Resolution.HALF_HOUR)}
        self._starts = {r: [span.starts_at for span in spans] for r, spans in self._spans.items()}
        self._paths = lru_cache(maxsize=None)(self._path)

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Return the hours that can be traded."""
        return tuple(s for session in self._calendar.sessions(FIRST_ON, LAST_ON) for s in session_slots(session))

    @cached_property
    def _recent(self) -> Sequence[Session]:
        return [s for s in self.sessions if s.session_on >= FIRST_ON - HALF_HOURS_BEFORE]

    def _windows(self, resolution: Resolution) -> list[TimeWindow]:
        sessions = self.sessions if resolution is Resolution.DAY else self._recent
        return list(expected_windows(sessions, resolution, through=sessions[-1].closes_at))

    # --- prices -----------------------------------------------------------------------------------

    def served_until(self, symbol: Symbol, resolution: Resolution, as_of: datetime) -> datetime | None:
        """Return `as_of`; None for hours."""
        return as_of if resolution in self._spans else None

    def bars(self, symbol: Symbol, window: TimeWindow, resolution: Resolution) -> Iterator[Bar]:
        """Yield the bars that lie in `window`, ascending; VIX has days only."""
        if symbol == VIX and resolution is not Resolution.DAY:
            return
        first, last = (bisect_left(self._starts[resolution], at) for at in (window.starts_at, window.ends_at))
        for number, span in enumerate(self._spans[resolution][first:last], first):
            if span.ends_at <= window.ends_at:
                opened, close = self._edges(symbol, resolution, number)
                high, low = max(opened, close) * 1.001, min(opened, close) * 0.999
                yield Bar(
                    symbol, resolution, span.starts_at, span.ends_at,
                    opened, round(high, 4), round(low, 4), close, 100_000.0, self.name, span.ends_at,
                )  # fmt: skip

    def _edges(self, symbol: Symbol, resolution: Resolution, number: int) -> tuple[float, float]:
        """Return open and close of a bar; the half hours of a day lead from its open to its close."""
        path = self._paths(symbol)
        if resolution is Resolution.DAY:
            return float(path[number]), float(path[number + 1])
        day, part, count = self._places[number]
        opened, close = float(path[day]), float(path[day + 1])
        step = (close - opened) / count
        return round(opened + part * step, 4), round(opened + (part + 1) * step, 4)

    @cached_property
    def _places(self) -> list[tuple[int, int, int]]:
        """Return of each half hour its day, its number within it, and how many that day has."""
        first = len(self.sessions) - len(self._recent)
        places = []
        for day, session in enumerate(self._recent, first):
            count = len(list(expected_windows([session], Resolution.HALF_HOUR, through=session.closes_at)))
            places += [(day, part, count) for part in range(count)]
        return places

    def _path(self, symbol: Symbol) -> FloatArray:
        if symbol == VIX:
            return np.full(len(self._spans[Resolution.DAY]) + 1, CALM_VIX)
        steps = _draws(symbol).standard_normal(len(self._spans[Resolution.DAY]) + 1)
        path: FloatArray = np.round(100.0 * np.exp(np.cumsum(0.0008 + 0.008 * steps)), 4)
        return path

    # --- statements and stories -------------------------------------------------------------------

    def statements(self, symbol: Symbol) -> list[Statement]:
        """Return eight quarters; the names that are peers of all others earn little for their price."""
        number = self.symbols.index(symbol)
        eps = (0.8 if number < 18 else 1.6) + (zlib.crc32(symbol.encode()) % 100) / 500
        ends = [date(2022, 3, 31) + timedelta(days=91 * quarter) for quarter in range(8)]
        return [Statement(symbol, on, on + timedelta(days=35), eps, 1e9) for on in ends]

    def stories(self, window: TimeWindow) -> Iterator[NewsItem]:
        """Yield the stories of `window` hour by hour."""
        hour = window.starts_at.replace(minute=0, second=0, microsecond=0)
        while hour < window.ends_at:
            yield from (story for story in self._hour(hour) if window.starts_at <= story.published_at < window.ends_at)
            hour += timedelta(hours=1)

    def _hour(self, hour: datetime) -> Iterator[NewsItem]:
        ends = [slot.as_of for slot in self.slots]
        # A story of the half hour before a slot's end is read at that slot.
        number = bisect_left(ends, hour)
        is_session = number < len(ends) and ends[number] - hour <= timedelta(hours=1)
        draws = _draws(hour.isoformat()).random(len(self.symbols))
        for place, symbol in enumerate(self.symbols):
            group = place // 3 % GROUPS
            if is_session and group == number % GROUPS:
                told = [GOOD[k] for k in range(PRAISES)]
            elif is_session and number >= 2 and group == (number - 2) % GROUPS:
                told = [AWFUL[k % len(AWFUL)] for k in range(BLAMES)]
            else:
                told = [FLAT[place % len(FLAT)]] if draws[place] < FLAT_CHANCE else []
            for k, sentence in enumerate(told):
                at = hour + timedelta(minutes=k + 1)
                title = f"{sentence.format(name=f'Invented {symbol}')} ({hour:%d %H}h, {k + 1})"
                yield NewsItem(f"{self.name}:{symbol}-{at:%d%H%M}", (symbol,), at, at, title, self.name)


def _draws(seed: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(seed.encode()))
