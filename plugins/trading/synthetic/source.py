"""The vendors' ports, served by the synthetic market. Every row says SYNTHETIC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np

from trading.domain.instruments import Symbol
from trading.domain.market import (
    SYNTHETIC,
    Bar,
    CorporateAction,
    Filing,
    MacroPoint,
    NewsItem,
    Resolution,
    TimeWindow,
)
from trading.errors import PermanentError
from trading.synthetic import fundamentals, headlines
from trading.synthetic.market import History, SyntheticMarket
from trading.synthetic.profiles import is_served

_HALF_HOUR = timedelta(minutes=30)
REPORTED_WITHIN = timedelta(days=20)
"""Of a quarter's filing, dividend or value the history must reach so far beyond the day on which it becomes known."""


class SyntheticBarSource:
    """Half-hour and daily bars. A bar that has not ended by the end of the window is not served."""

    name = SYNTHETIC

    def __init__(self, market: SyntheticMarket) -> None:
        self._market = market

    def served_until(self, symbol: Symbol, resolution: Resolution, as_of: datetime) -> datetime | None:
        """Return `as_of`: this market is always up to date; None for hours and for an unknown symbol."""
        return as_of if is_served(symbol) and resolution is not Resolution.HOUR else None

    def bars(self, symbol: Symbol, window: TimeWindow, resolution: Resolution) -> Iterator[Bar]:
        """Return the completed bars of `symbol` that start in `window`, ascending; none for an unknown symbol."""
        if resolution is Resolution.HOUR:
            raise PermanentError("the synthetic market has half hours and days; build hours from half hours")
        if not is_served(symbol):
            return
        history = self._market.through(window.ends_at.date())
        path = history.path(symbol)
        first = int(np.searchsorted(history.days, np.datetime64(window.starts_at.date(), "D")))
        last = int(np.searchsorted(history.days, np.datetime64(window.ends_at.date(), "D"), side="right"))
        columns = (path.open, path.high, path.low, path.close, path.volume)
        for t in range(first, last):
            session = history.sessions[t]
            present = np.flatnonzero(path.present[t])
            opened, high, low, close, volume = (column[t, present].tolist() for column in columns)
            if resolution is Resolution.DAY:
                if window.starts_at <= session.opens_at and session.closes_at <= window.ends_at:
                    yield Bar(
                        symbol, resolution, session.opens_at, session.closes_at,
                        opened[0], max(high), min(low), close[-1], sum(volume), SYNTHETIC, session.closes_at,
                    )  # fmt: skip
                continue
            for n, column in enumerate(present.tolist()):
                starts_at = session.opens_at + _HALF_HOUR * column
                ends_at = starts_at + _HALF_HOUR
                if window.starts_at <= starts_at and ends_at <= window.ends_at:
                    yield Bar(
                        symbol, resolution, starts_at, ends_at,
                        opened[n], high[n], low[n], close[n], volume[n], SYNTHETIC, ends_at,
                    )  # fmt: skip


class SyntheticNewsSource:
    """Headlines with tickers."""

    name = SYNTHETIC

    def __init__(self, market: SyntheticMarket) -> None:
        self._market = market

    def news(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[NewsItem]:
        """Return stories about any of `symbols` published in `window`, symbol by symbol."""
        history = self._market.through(window.ends_at.date() + timedelta(days=4))
        for symbol in symbols:
            yield from headlines.headlines(history, symbol, since=window.starts_at, until=window.ends_at)


class SyntheticFundamentalsSource:
    """Filings, monthly series, splits and dividends."""

    name = SYNTHETIC

    def __init__(self, market: SyntheticMarket) -> None:
        self._market = market

    def filings(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[Filing]:
        """Return filings that became known in `window`."""
        history = _reported(self._market, window)
        for symbol in symbols:
            yield from _known_in(window, fundamentals.filings(history, symbol))

    def macro(self, window: TimeWindow) -> Iterator[MacroPoint]:
        """Return macro values that became known in `window`."""
        yield from _known_in(window, fundamentals.macro(_reported(self._market, window)))

    def corporate_actions(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[CorporateAction]:
        """Return splits and dividends that became known in `window`."""
        history = _reported(self._market, window)
        for symbol in symbols:
            yield from _known_in(window, fundamentals.corporate_actions(history, symbol))


def _reported(market: SyntheticMarket, window: TimeWindow) -> History:
    """Return the history in which all is written that becomes known in `window`.

    Quarters and dividends are drawn whole: what the history does not reach yet would come to be known too late.
    """
    return market.through(window.ends_at.date() + REPORTED_WITHIN)


def _known_in[Row: (Filing, MacroPoint, CorporateAction)](window: TimeWindow, rows: Iterator[Row]) -> Iterator[Row]:
    return (row for row in rows if window.starts_at <= row.known_at < window.ends_at)
