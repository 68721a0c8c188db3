"""Ten years of an invented market as the engine reads it: hours, days, filings, macro figures and stories.

Everything is a seeded random walk with regimes. It is built as arrays, because ten years of bar objects would take
longer than what is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
from trading.adapters.market_calendar import NyseCalendar
from trading.analysis.facts import Facts, utc64_all
from trading.domain.instruments import VIX, Instrument, InstrumentKind, Sector, Symbol, Universe
from trading.domain.market import SYNTHETIC, Filing, MacroPoint, MacroSeries, NewsItem, Resolution, Session
from trading.domain.panel import FloatArray, TimeArray
from trading.domain.series import BarSeries
from trading.engine.hours import Timeline
from trading.strategy.catalogue import spec_named
from trading.strategy.spec import StrategySpec
from trading.tasks.facts import timeline_of

FIRST_ON = date(2014, 1, 2)
WARM_UP = timedelta(days=900)
HOURS_A_SESSION = 7
REGIME_HOURS = 350
WORDS = (
    "gains", "surges", "falls", "record profit", "strong", "weak", "great", "beats", "misses", "lawsuit", "win", "loss",
    "upgrade", "excellent", "success",
)  # fmt: skip


@dataclass(frozen=True)
class LongHistory:
    """A strategy, everything that was known, and the hours to replay."""

    spec: StrategySpec
    facts: Facts
    timeline: Timeline


def long_history(strategy: str, symbols: int, years: int, *, seed: int = 7, stories_a_day: float = 1.0) -> LongHistory:
    """Return the invented history; the strategy's own universe for 10 symbols, invented names for any other number.

    Args:
        stories_a_day: headlines of each symbol on a session.
    """
    calendar = NyseCalendar()
    timeline = timeline_of(calendar, FIRST_ON, FIRST_ON.replace(year=FIRST_ON.year + years) - timedelta(days=1))
    before = calendar.sessions(FIRST_ON - WARM_UP, FIRST_ON - timedelta(days=1))
    draw = np.random.default_rng(seed)
    spec = spec_named(strategy)
    spec = spec if symbols == len(spec.universe.traded) else _widened(spec, symbols)
    bars = [series for symbol in spec.universe.data for series in _bars(draw, symbol, timeline, before)]
    return LongHistory(
        spec,
        Facts(
            bars={(series.symbol, series.resolution): series for series in bars},
            news=tuple(_news(draw, spec, timeline, stories_a_day)),
            filings=tuple(_filings(draw, spec, timeline)),
            macro=tuple(_macro(draw, timeline)),
        ),
        timeline,
    )


def _widened(spec: StrategySpec, symbols: int) -> StrategySpec:
    sectors = tuple(Sector)
    names = [f"S{number:03d}" for number in range(symbols)]
    traded = [Instrument(n, sectors[i % 3], InstrumentKind.STOCK, n) for i, n in enumerate(names)]
    data = [Instrument(s, None, InstrumentKind.FUND, s) for s in ("SPY", "QQQ")]
    universe = Universe((*traded, *data, Instrument(VIX, None, InstrumentKind.INDEX, VIX)))
    peers = {sector: tuple(names[place::3][:6]) for place, sector in enumerate(sectors)}
    return replace(spec, universe=universe, peers=peers)


def _bars(
    draw: np.random.Generator, symbol: Symbol, timeline: Timeline, before: tuple[Session, ...]
) -> tuple[BarSeries, BarSeries]:
    """Return the hours of the timeline, and the days of both; an hour that ends a session closes its day."""
    grid, warm = timeline.grid, len(before) * HOURS_A_SESSION
    path = _vix(draw, warm + len(grid)) if symbol == VIX else _walk(draw, warm + len(grid))
    close = path[warm:]
    opened = np.concatenate([path[warm - 1 : warm], close[:-1]]) * (1 + 0.001 * draw.standard_normal(len(close)))
    opened = np.round(opened, 2)
    reach = np.round(close * 0.002 * draw.random(len(close)), 2)
    high, low = np.maximum(opened, close) + reach, np.minimum(opened, close) - reach
    lasts = np.flatnonzero(grid.is_closing)
    firsts = np.concatenate([[0], lasts[:-1] + 1])
    starts = utc64_all(timeline.slot(row).starts_at for row in range(len(grid)))
    hours = _series(symbol, Resolution.HOUR, starts, grid.as_of, (opened, high, low, close))
    old = path[:warm].reshape(len(before), HOURS_A_SESSION)
    days = [
        np.concatenate(pair)
        for pair in (
            (old[:, 0], opened[firsts]),
            (old.max(axis=1), np.maximum.reduceat(high, firsts)),
            (old.min(axis=1), np.minimum.reduceat(low, firsts)),
            (old[:, -1], close[lasts]),
        )
    ]
    sessions = (*before, *timeline.sessions)
    opens, closes = (utc64_all(getattr(s, name) for s in sessions) for name in ("opens_at", "closes_at"))
    return hours, _series(symbol, Resolution.DAY, opens, closes, tuple(days))


def _series(
    symbol: Symbol, resolution: Resolution, starts: TimeArray, ends: TimeArray, prices: tuple[FloatArray, ...]
) -> BarSeries:
    return BarSeries(symbol, resolution, starts, ends, ends, *prices, np.full(len(starts), 1e6))


def _walk(draw: np.random.Generator, count: int) -> FloatArray:
    drift = np.repeat(draw.normal(0.00012, 0.0006, count // REGIME_HOURS + 1), REGIME_HOURS)[:count]
    path = 100 * np.exp(np.cumsum(drift + 0.0055 * draw.standard_normal(count)))
    return np.asarray(np.clip(np.round(path, 2), 5, 3000))


def _vix(draw: np.random.Generator, count: int) -> FloatArray:
    levels, level = np.empty(count), 16.0
    for place, shock in enumerate(draw.standard_normal(count).tolist()):
        level = max(9.5, level + (17 - level) * 0.01 + 0.0175 * level * shock)
        levels[place] = round(level, 2)
    return levels


def _filings(draw: np.random.Generator, spec: StrategySpec, timeline: Timeline) -> Iterator[Filing]:
    for instrument in (i for i in spec.universe if i.kind is InstrumentKind.STOCK):
        eps = 1.0
        for year in range(FIRST_ON.year - 3, timeline.after.session_on.year + 1):
            for month, day in ((3, 31), (6, 30), (9, 30), (12, 31)):
                eps *= 1 + 0.03 * float(draw.standard_normal())
                known_at = datetime(year, month, day, 14, tzinfo=UTC) + timedelta(days=35)
                yield Filing(
                    instrument.symbol, date(year, month, day), 1, round(eps, 2), 1e9 * eps, SYNTHETIC, known_at
                )


def _macro(draw: np.random.Generator, timeline: Timeline) -> Iterator[MacroPoint]:
    level = 230.0
    for year in range(FIRST_ON.year - 3, timeline.after.session_on.year + 1):
        for month in range(1, 13):
            level *= 1.002 + 0.002 * float(draw.standard_normal())
            known_at = datetime(year, month, 15, 13, 30, tzinfo=UTC) + timedelta(days=30)
            for series, value in ((MacroSeries.CPI_NSA, level), (MacroSeries.GPR, 100 + 20 * float(draw.random()))):
                yield MacroPoint(series, date(year, month, 1), value, SYNTHETIC, known_at)


def _news(
    draw: np.random.Generator, spec: StrategySpec, timeline: Timeline, stories_a_day: float
) -> Iterator[NewsItem]:
    sessions = timeline.sessions
    for symbol in spec.universe.traded:
        count = int(len(sessions) * stories_a_day)
        minutes = np.sort(draw.integers(0, len(sessions) * 24 * 60, count)).tolist()
        words = draw.choice(WORDS, (count, 3)).tolist()
        for number, (minute, said) in enumerate(zip(minutes, words, strict=True)):
            day, of_day = divmod(minute, 24 * 60)
            at = sessions[day].opens_at + timedelta(minutes=of_day - 8 * 60)
            title = f"{symbol} {' '.join(said)} {number}"
            yield NewsItem(f"{symbol}{number}", (symbol,), at, at, title, f"source {number % 3}")
