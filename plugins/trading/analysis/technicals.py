"""Technicals of completed daily bars, and the price of the hour.

TA-Lib computes over the whole adjusted history once; a decision then reads the row of the last completed session.
TA-Lib is causal, so truncating the future changes nothing, and prices are rescaled to the share basis of the
decision's day, so a later split changes nothing either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.adjustment import BasisFactors
from trading.analysis.bare_talib import talib
from trading.analysis.facts import DecisionTimes, Facts, bar_sessions, code, last_known_bar, pick, pick_time
from trading.domain.instruments import Symbol
from trading.domain.market import CorporateAction
from trading.domain.panel import CodeArray, FloatArray, TimeArray, Why
from trading.domain.runs import Columns, Runs, Steps, step_begins, whole
from trading.domain.series import BarSeries

MIN_DAILY_BARS = 250
VOLATILITY_DAYS = 63
FRESH_MINUTES = 60
INTRADAY_MEMORY = np.timedelta64(7, "D")
"""A symbol whose last intraday bar is older than this is read as one without intraday bars."""
READ_BY_ROW = frozenset({"price", "why_price", "volatility_frac"})
"""Columns that a decision reads for every symbol of its hour."""


@dataclass(frozen=True)
class Ohlc:
    """Adjusted daily prices of one symbol, on one share basis."""

    high: FloatArray
    low: FloatArray
    close: FloatArray


type Indicator = Callable[[Ohlc], FloatArray]

# In USD/share, hence rescaled to the basis of the decision's day; RSI and volatility have no unit.
PRICE_INDICATORS: dict[str, Indicator] = {
    "sma_50": lambda p: talib.SMA(p.close, 50),
    "sma_200": lambda p: talib.SMA(p.close, 200),
    "ema_12": lambda p: talib.EMA(p.close, 12),
    "ema_26": lambda p: talib.EMA(p.close, 26),
    "macd": lambda p: talib.MACD(p.close, 12, 26, 9)[0],
    "macd_signal": lambda p: talib.MACD(p.close, 12, 26, 9)[1],
    "atr_14": lambda p: talib.ATR(p.high, p.low, p.close, 14),
}
PURE_INDICATORS: dict[str, Indicator] = {
    "rsi_14": lambda p: talib.RSI(p.close, 14),
    "volatility_frac": lambda p: realised_volatility(p.close),
}


def realised_volatility(close: FloatArray, *, days: int = VOLATILITY_DAYS) -> FloatArray:
    """Return the deviation (ddof 1) of the last `days` daily log returns × √252; NaN during the warm-up."""
    out = np.full(len(close), np.nan)
    if len(close) > days:
        windows = np.lib.stride_tricks.sliding_window_view(np.diff(np.log(close)), days)
        out[days:] = windows.std(axis=1, ddof=1) * np.sqrt(252.0)
    return out


class LastPrices:
    """The last price of any symbol at each time; each symbol is looked up once for all that need it."""

    def __init__(self, facts: Facts, times: DecisionTimes, *, daily_pricing: bool) -> None:
        """Prepare for `times`; with `daily_pricing` a daily price is as good as one of an hour."""
        self._facts, self._times, self._daily_pricing = facts, times, daily_pricing
        self._known: dict[Symbol, tuple[FloatArray, CodeArray]] = {}

    def columns(self, symbol: Symbol) -> dict[str, NDArray[Any]]:
        """Return the panel columns of the price of `symbol`, one value a time."""
        intraday, daily = self._facts.intraday(symbol), self._facts.daily(symbol)
        actions = self._facts.actions_of(symbol)
        columns = _price_columns(intraday, daily, actions, self._times, daily_pricing=self._daily_pricing)
        self._known[symbol] = columns["price"], columns["why_price"]
        return columns

    def price(self, symbol: Symbol) -> FloatArray:
        """Return the last price of `symbol` at each time [USD/share]; daily where hours are missing."""
        return self._looked_up(symbol)[0]

    def why(self, symbol: Symbol) -> CodeArray:
        """Return the `Why` codes of that price."""
        return self._looked_up(symbol)[1]

    def _looked_up(self, symbol: Symbol) -> tuple[FloatArray, CodeArray]:
        if symbol not in self._known:
            self.columns(symbol)
        return self._known[symbol]


def technical_columns(
    facts: Facts, symbols: Sequence[Symbol], times: DecisionTimes, prices: LastPrices
) -> dict[str, NDArray[Any] | Runs]:
    """Return the panel columns of prices and technicals, each of shape (times, symbols)."""
    columns = Columns(len(times), len(symbols), whole=READ_BY_ROW)
    for symbol in symbols:
        columns.add(_symbol_columns(facts, symbol, times, prices))
    return columns.done()


def _symbol_columns(
    facts: Facts, symbol: Symbol, times: DecisionTimes, prices: LastPrices
) -> dict[str, NDArray[Any] | Steps]:
    columns = _daily_steps(facts.daily(symbol), facts.actions_of(symbol), times, MIN_DAILY_BARS)
    columns |= prices.columns(symbol)
    if symbol in facts.parked:
        columns["why_price"] = np.full(len(times), Why.PARKED, dtype=np.int8)
    return columns


def daily_columns(
    daily: BarSeries | None, actions: Sequence[CorporateAction], times: DecisionTimes, *, minimum: int
) -> dict[str, NDArray[Any]]:
    """Return the panel columns of one symbol that rest on daily bars; unknown where fewer than `minimum` are known."""
    return {name: whole(steps) for name, steps in _daily_steps(daily, actions, times, minimum).items()}


def _daily_steps(
    daily: BarSeries | None, actions: Sequence[CorporateAction], times: DecisionTimes, minimum: int
) -> dict[str, NDArray[Any] | Steps]:
    names = (*PRICE_INDICATORS, *PURE_INDICATORS)
    if daily is None or len(daily) == 0:
        nothing = np.full(len(times), np.nan)
        return {
            **{name: nothing for name in names},
            "daily_bar_count": np.zeros(len(times)),
            "daily_through": np.full(len(times), np.datetime64("NaT"), dtype="datetime64[us]"),
            "why_technicals": np.full(len(times), Why.NO_DATA, dtype=np.int8),
        }
    # Today's daily bar is first used at the next session's first slot.
    before = np.searchsorted(bar_sessions(daily), times.session_on, side="left") - 1
    row = np.minimum(before, last_known_bar(daily, times))
    # A daily bar stands for all hours of a session: one calculation serves them all.
    begins = step_begins(row, times.session_on)
    columns = _daily_values(daily, actions, times.at(begins), row[begins], minimum)
    return {name: Steps(values, begins, len(times)) for name, values in columns.items()}


def _daily_values(
    daily: BarSeries,
    actions: Sequence[CorporateAction],
    times: DecisionTimes,
    row: NDArray[np.intp],
    minimum: int,
) -> dict[str, NDArray[Any]]:
    sessions = bar_sessions(daily)
    factors = BasisFactors.of(daily, actions)
    adjusted = Ohlc(*(np.ascontiguousarray(a * factors.of_bars) for a in (daily.high, daily.low, daily.close)))
    rescale = 1.0 / factors.at(times.session_on)
    enough = row + 1 >= minimum
    # Rounded once, after rescaling: two roundings would make the basis of the history show in the last digit.
    columns: dict[str, NDArray[Any]] = {}
    for name, indicator in PRICE_INDICATORS.items():
        columns[name] = pick(indicator(adjusted), np.where(enough, row, -1), scale=rescale)
    for name, indicator in PURE_INDICATORS.items():
        columns[name] = pick(indicator(adjusted), np.where(enough, row, -1))
    stale = np.where(row >= 0, sessions[np.maximum(row, 0)], np.datetime64("NaT")) < times.previous_on
    columns["daily_bar_count"] = np.maximum(row + 1, 0).astype(np.float64)
    columns["daily_through"] = pick_time(daily.ends_at, row)
    columns["why_technicals"] = code(
        row < 0, Why.NO_DATA, code(~enough, Why.TOO_FEW_BARS, code(stale, Why.STALE, Why.KNOWN))
    )
    return columns


def _price_columns(
    intraday: tuple[BarSeries, ...],
    daily: BarSeries | None,
    actions: Sequence[CorporateAction],
    times: DecisionTimes,
    *,
    daily_pricing: bool,
) -> dict[str, NDArray[Any]]:
    price, price_at = _intraday_price(intraday, times)
    has_hours = price_at > times.as_of - INTRADAY_MEMORY  # NaT is later than nothing
    # An hour old: the bar of the hour itself is missing, and an hour without a bar is not traded.
    stale = price_at <= times.as_of - np.timedelta64(FRESH_MINUTES, "m")
    of_hours = code(stale, Why.STALE, Why.KNOWN)
    if has_hours.all():
        daily_priced = np.zeros(len(times))
        return {"price": price, "price_at": price_at, "why_price": of_hours, "daily_priced": daily_priced}
    close, close_at, is_old = _daily_price(daily, actions, times)
    of_days = code(is_old, Why.STALE, Why.KNOWN if daily_pricing else Why.NO_HOURLY_BARS)
    return {
        "price": np.where(has_hours, price, close),
        "price_at": np.where(has_hours, price_at, close_at),
        "why_price": np.where(has_hours, of_hours, code(np.isnan(close), Why.NO_DATA, of_days)),
        "daily_priced": (~has_hours & ~np.isnan(close) & daily_pricing).astype(np.float64),
    }


def _intraday_price(intraday: tuple[BarSeries, ...], times: DecisionTimes) -> tuple[FloatArray, TimeArray]:
    price = np.full(len(times), np.nan)
    price_at = np.full(len(times), np.datetime64("NaT"), dtype="datetime64[us]")
    for series in intraday:
        row = last_known_bar(series, times)
        ended = pick_time(series.ends_at, row)
        newer = (row >= 0) & (np.isnat(price_at) | (ended > price_at))
        price = np.where(newer, pick(series.close, row), price)
        price_at = np.where(newer, ended, price_at)
    return price, price_at


def _daily_price(
    daily: BarSeries | None, actions: Sequence[CorporateAction], times: DecisionTimes
) -> tuple[FloatArray, TimeArray, NDArray[np.bool_]]:
    """Return the last daily close on the share basis of the decision's day, and whether it misses a session."""
    if daily is None or len(daily) == 0:
        nothing = np.full(len(times), np.datetime64("NaT"), dtype="datetime64[us]")
        return np.full(len(times), np.nan), nothing, np.zeros(len(times), dtype=bool)
    sessions = bar_sessions(daily)
    row = last_known_bar(daily, times)
    splits = BasisFactors.of_splits(actions)
    close = pick(daily.close * splits.at(sessions), row, scale=1.0 / splits.at(times.session_on))
    is_old = np.where(row >= 0, sessions[np.maximum(row, 0)], np.datetime64("NaT")) < times.previous_on
    return close, pick_time(daily.ends_at, row), is_old
