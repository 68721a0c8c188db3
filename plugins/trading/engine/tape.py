"""Tape: the bars that become complete between two decisions, for the symbols that matter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from trading.analysis.facts import Facts, utc64
from trading.domain.instruments import Symbol
from trading.domain.market import Bar, Resolution
from trading.domain.panel import TimeArray
from trading.domain.series import BarSeries
from trading.strategy.judging import instant


@dataclass(frozen=True)
class Tape:
    """The bars that orders are filled from: the finest resolution stored of each symbol.

    Attributes:
        series: one series by symbol.
        complete_at: when each of its bars may be used, by symbol.
    """

    series: dict[Symbol, BarSeries]
    complete_at: dict[Symbol, TimeArray]

    @classmethod
    def of(cls, facts: Facts, symbols: Iterable[Symbol], daily_priced: frozenset[Symbol]) -> Tape:
        """Return the tape of `symbols`; only `daily_priced` ones may trade on daily bars."""
        series: dict[Symbol, BarSeries] = {}
        for symbol in symbols:
            intraday = facts.intraday(symbol)
            daily = facts.daily(symbol)
            if intraday:
                series[symbol] = intraday[0]
            elif symbol in daily_priced and daily is not None:
                series[symbol] = daily
        return cls(series, {s: np.maximum(bars.ends_at, bars.known_at) for s, bars in series.items()})

    def between(self, after: datetime | None, until: datetime, symbols: Iterable[Symbol]) -> list[Bar]:
        """Return the bars that became complete in (after, until], ascending by start, then symbol."""
        bars: list[Bar] = []
        for symbol in symbols:
            if (series := self.series.get(symbol)) is None:
                continue
            complete = self.complete_at[symbol]
            first = 0 if after is None else int(np.searchsorted(complete, utc64(after), side="right"))
            last = int(np.searchsorted(complete, utc64(until), side="right"))
            bars += [_bar(series, i) for i in range(first, last)]
        return sorted(bars, key=lambda b: (b.starts_at, b.symbol))


def _bar(series: BarSeries, row: int) -> Bar:
    starts_at, ends_at, known_at = (instant(a[row]) for a in (series.starts_at, series.ends_at, series.known_at))
    assert starts_at is not None, "stored bars have instants"
    assert ends_at is not None, "stored bars have instants"
    assert known_at is not None, "stored bars have instants"
    return Bar(
        series.symbol,
        Resolution(series.resolution),
        starts_at,
        ends_at,
        float(series.open[row]),
        float(series.high[row]),
        float(series.low[row]),
        float(series.close[row]),
        float(series.volume[row]),
        "tape",
        known_at,
    )
