"""SyntheticMarket: invented prices with the habits of real ones.

A market factor with regimes, volatility clusters and sudden frights; a factor per group; a trend and noise per
name; overnight gaps; half days, halts and missing bars. What happens in a session depends on the seed, on
`first_on` and on the sessions before it, never on how far the history is generated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trading.domain.instruments import VIX, Symbol
from trading.domain.market import Session
from trading.domain.panel import FloatArray
from trading.errors import PermanentError
from trading.ports import MarketCalendar
from trading.synthetic.profiles import GROUPS, SPLITS, Profile, profile_of
from trading.synthetic.randomness import half_hour_weights, regimes, smoothed, stream

FIRST_ON = date(2020, 1, 2)
"""Where the invented history begins. Moving it invents another history, so it stays."""

BARS_A_DAY = 13
_HALF_HOUR = timedelta(minutes=30)
_AHEAD = timedelta(days=45)
_YEAR = 252
_OVERNIGHT_FRAC = 0.3
_PULL = 0.002
_TREND_SHARPE = np.array([1.9, 0.1, -1.9])
_MARKET_DRIFT = np.array([0.24, 0.04, -0.32])
_MARKET_VOL = np.array([0.0072, 0.0085, 0.0130])


@dataclass(frozen=True)
class Path:
    """Raw half-hour bars of one symbol, arrays of shape (sessions, 13).

    Attributes:
        present: which bars exist; the rest of a half day, a halt and a lost bar do not.
        share_ratio: shares now per share at the beginning, by session.
        trend: 1 rising, 0 sideways, −1 falling, by session.
    """

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    present: NDArray[np.bool_]
    share_ratio: FloatArray
    trend: FloatArray

    @cached_property
    def last_close(self) -> FloatArray:
        """Raw close of each session [USD/share]."""
        last = BARS_A_DAY - 1 - np.argmax(self.present[:, ::-1], axis=1)
        return np.asarray(self.close[np.arange(len(last)), last])


@dataclass(frozen=True)
class _Factor:
    """Log returns of a factor and the size of a usual one, by session."""

    overnight: FloatArray
    half_hours: FloatArray
    deviation: FloatArray


class SyntheticMarket:
    """One invented market.

    Args:
        seed: another seed is another market.
        calendar: real sessions, holidays and half days.
        first_on: beginning of the history.
    """

    def __init__(self, seed: int, calendar: MarketCalendar, first_on: date = FIRST_ON) -> None:
        self.seed = seed
        self.first_on = first_on
        self._calendar = calendar
        self._history: History | None = None

    def through(self, last_on: date) -> History:
        """Return the history up to `last_on` at least (some weeks more, so that the next day is at hand)."""
        if self._history is None or self._history.last_on < last_on:
            last_on += _AHEAD
            self._history = History(self.seed, self._calendar.sessions(self.first_on, last_on), last_on)
        return self._history


class History:
    """The market from its beginning up to `last_on`; each symbol is computed when it is first asked for."""

    def __init__(self, seed: int, sessions: tuple[Session, ...], last_on: date) -> None:
        self.seed = seed
        self.sessions = sessions
        self.last_on = last_on
        self.days: NDArray[np.datetime64] = np.array([s.session_on for s in sessions], dtype="datetime64[D]")
        self.bar_counts = np.array([(s.closes_at - s.opens_at) // _HALF_HOUR for s in sessions])
        self._paths: dict[Symbol, Path] = {}
        self._groups: dict[str, _Factor] = {}

    def path(self, symbol: Symbol) -> Path:
        """Return the bars of a symbol.

        Raises:
            PermanentError: the market has no price of it (`profiles.is_served`).
        """
        if symbol not in self._paths:
            profile = profile_of(symbol)
            if profile is None and symbol != VIX:
                raise PermanentError(f"the synthetic market has no {symbol}; add its line to UNIVERSE of the strategy")
            self._paths[symbol] = self._index_path() if profile is None else self._price_path(symbol, profile)
        return self._paths[symbol]

    @cached_property
    def _fright(self) -> FloatArray:
        """Extra market risk after a sudden fright, as a multiple of the usual; fades within weeks."""
        draws = stream(self.seed, "fright").random((len(self.sessions), 2))
        extra = np.zeros(len(draws))
        level = 0.0
        for t, (chance, size) in enumerate(draws.tolist()):
            level = level * 0.9 + (1.2 + 1.6 * size if chance < 1 / 200 else 0.0)
            extra[t] = level
        return extra

    @cached_property
    def _market(self) -> _Factor:
        count = len(self.sessions)
        state = regimes(stream(self.seed, "market regime"), count, (0.55, 0.28, 0.17), 70).astype(int)
        clusters = smoothed(stream(self.seed, "market clusters").standard_normal(count), 0.95, scale=0.22)
        deviation = _MARKET_VOL[state] * np.exp(clusters) * (1 + self._fright)
        frightened = np.diff(self._fright, prepend=0.0) > 0.5
        overnight_drift = _MARKET_DRIFT[state] / _YEAR - 0.02 * frightened
        return self._factor("market", deviation, overnight_drift)

    def _factor(self, name: str, deviation: FloatArray, overnight_drift: FloatArray | float) -> _Factor:
        count = len(self.sessions)
        gaps = stream(self.seed, name, "gaps").standard_normal(count)
        moves = stream(self.seed, name, "moves").standard_normal((count, BARS_A_DAY))
        by_bar = np.sqrt(half_hour_weights("risk") * (1 - _OVERNIGHT_FRAC))
        return _Factor(
            overnight=overnight_drift + deviation * np.sqrt(_OVERNIGHT_FRAC) * gaps,
            half_hours=deviation[:, None] * by_bar * moves,
            deviation=deviation,
        )

    def _group(self, name: str) -> _Factor:
        if name not in self._groups:
            count = len(self.sessions)
            clusters = smoothed(stream(self.seed, name, "clusters").standard_normal(count), 0.95, scale=0.25)
            deviation = GROUPS[name] / np.sqrt(_YEAR) * np.exp(clusters)
            state = regimes(stream(self.seed, name, "regime"), count, (0.5, 0.25, 0.25), 90).astype(int)
            self._groups[name] = self._factor(name, deviation, deviation * _TREND_SHARPE[state] / np.sqrt(_YEAR))
        return self._groups[name]

    def _price_path(self, symbol: Symbol, profile: Profile) -> Path:
        count = len(self.sessions)
        clusters = smoothed(stream(self.seed, symbol, "clusters").standard_normal(count), 0.93, scale=0.3)
        deviation = profile.own_vol_frac / np.sqrt(_YEAR) * np.exp(clusters)
        state = regimes(stream(self.seed, symbol, "regime"), count, (0.6, 0.18, 0.22), 80).astype(int)
        own = self._factor(symbol, deviation, deviation * _TREND_SHARPE[state] / np.sqrt(_YEAR))
        overnight = own.overnight + profile.market_beta * self._market.overnight
        half_hours = own.half_hours + profile.market_beta * self._market.half_hours
        if profile.group is not None:
            group = self._group(profile.group)
            overnight = overnight + profile.group_beta * group.overnight
            half_hours = half_hours + profile.group_beta * group.half_hours
        present = self._present(symbol) if profile.stories_per_day else self._in_session
        moves = np.where(self._in_session, half_hours, 0.0)
        log_open = np.log(profile.first_price) + _opens(overnight, moves.sum(axis=1))
        split_at, ratio = SPLITS.get(symbol, (count, 1.0))
        share_ratio = np.where(np.arange(count) >= split_at, ratio, 1.0)
        closes = np.exp(log_open[:, None] + np.cumsum(moves, axis=1)) / share_ratio[:, None]
        opens = np.column_stack((np.exp(log_open) / share_ratio, closes[:, :-1]))
        reach = np.abs(half_hours).mean(axis=1, keepdims=True)
        return self._finish(symbol, opens, closes, reach, present, share_ratio, 1.0 - state)

    def _index_path(self) -> Path:
        """VIX follows the market's risk from close to close and mirrors its moves inside the session."""
        market = self._market
        noise = smoothed(stream(self.seed, VIX).standard_normal(len(self.sessions)), 0.6, scale=0.05)
        level = np.clip(109 * np.sqrt(_YEAR) * market.deviation * np.exp(noise), 9.2, 85.0)
        before = np.concatenate((level[:1], level[:-1]))
        mirror = -3.0 * np.cumsum(np.where(self._in_session, market.half_hours, 0.0), axis=1)
        share = np.minimum(np.arange(1, BARS_A_DAY + 1) / self.bar_counts[:, None], 1.0)
        bridged = mirror - share * mirror[:, -1:]
        opened = before * (level / before) ** 0.4
        closes = opened[:, None] * (level / opened)[:, None] ** share * np.exp(bridged)
        opens = np.column_stack((opened, closes[:, :-1]))
        reach = np.full((len(level), 1), 0.008)
        ones = np.ones(len(level))
        return self._finish(VIX, opens, closes, reach, self._in_session, ones, 0 * ones)

    @cached_property
    def _in_session(self) -> NDArray[np.bool_]:
        return np.asarray(np.arange(BARS_A_DAY) < self.bar_counts[:, None])

    def _present(self, symbol: Symbol) -> NDArray[np.bool_]:
        """Return which bars were printed: about one session in 1,200 has a halt, one in 400 loses a bar."""
        draws = stream(self.seed, symbol, "lost bars").random((len(self.sessions), 3))
        column = np.arange(BARS_A_DAY)
        halted = (draws[:, :1] < 1 / 1200) & (column >= 4) & (column < 7)
        lost = (draws[:, 1:2] < 1 / 400) & (column == (draws[:, 2:] * BARS_A_DAY).astype(int))
        return np.asarray(self._in_session & ~((halted | lost) & (column > 0)))

    def _finish(
        self,
        symbol: Symbol,
        opens: FloatArray,
        closes: FloatArray,
        reach: FloatArray,
        present: NDArray[np.bool_],
        share_ratio: FloatArray,
        trend: FloatArray,
    ) -> Path:
        """Return the path on cents, with highs, lows and volumes drawn around the given opens and closes."""
        rng = stream(self.seed, symbol, "ranges")
        above, below, busy = np.moveaxis(np.abs(rng.standard_normal((*closes.shape, 3))), 2, 0)
        profile = profile_of(symbol)
        day_volume = 0.0 if profile is None else profile.day_volume
        volume = day_volume * share_ratio[:, None] * half_hour_weights("volume") * np.exp(0.5 * busy - 0.35)
        return Path(
            open=opens.round(2),
            high=(np.maximum(opens, closes) * np.exp(reach * 0.6 * above)).round(2),
            low=(np.minimum(opens, closes) * np.exp(-reach * 0.6 * below)).round(2),
            close=closes.round(2),
            volume=volume.round(),
            present=present,
            share_ratio=share_ratio,
            trend=trend,
        )


def _opens(overnight: FloatArray, in_session: FloatArray) -> FloatArray:
    """Return log opens relative to the first price, pulled back softly so that years do not carry them away."""
    opens = np.empty_like(overnight)
    close = 0.0
    for t, (gap, move) in enumerate(zip(overnight.tolist(), in_session.tolist(), strict=True)):
        opens[t] = close * (1 - _PULL) + gap
        close = opens[t] + move
    return opens
