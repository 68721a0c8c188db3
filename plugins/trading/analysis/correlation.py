"""How names move together: correlations of daily returns on adjusted closes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from trading.analysis.adjustment import BasisFactors
from trading.analysis.facts import Facts, bar_sessions
from trading.domain.instruments import Symbol
from trading.domain.panel import FloatArray

CORRELATION_SESSIONS = 60


@dataclass(frozen=True, slots=True)
class Correlations:
    """Pairwise correlations over the last sessions.

    Attributes:
        matrix: shape (symbols, symbols) [−1–1]; NaN for a pair of which a session is missing.
    """

    symbols: tuple[Symbol, ...]
    matrix: FloatArray

    def mean_of(self, symbol: Symbol) -> float | None:
        """Return the mean correlation of a name with the others; None where none is known."""
        place = self.symbols.index(symbol)
        others = np.delete(self.matrix[place], place)
        known = others[np.isfinite(others)]
        return float(known.mean()) if known.size else None

    def of_book(self, weights: Mapping[Symbol, float]) -> float | None:
        """Return the mean correlation of the pairs held, weighted by the product of their weights; None under two."""
        total = worth = 0.0
        for _, first, second, value in self.pairs([s for s in self.symbols if weights.get(s, 0.0) > 0]):
            product = weights[first] * weights[second]
            total, worth = total + product * value, worth + product
        return total / worth if worth > 0 else None

    def pairs(self, symbols: Sequence[Symbol] | None = None) -> list[tuple[float, Symbol, Symbol, float]]:
        """Return (−correlation, name, name, correlation) of each known pair, the closest first."""
        chosen = self.symbols if symbols is None else tuple(symbols)
        place = {symbol: n for n, symbol in enumerate(self.symbols)}
        found = []
        for n, first in enumerate(chosen):
            for second in chosen[n + 1 :]:
                value = self.matrix.item(place[first], place[second])
                if np.isfinite(value):
                    found.append((-value, first, second, value))
        return sorted(found)


def correlations(
    facts: Facts, symbols: Sequence[Symbol], *, before_on: date, sessions: int = CORRELATION_SESSIONS
) -> Correlations:
    """Return the correlations of daily log returns over the last `sessions` sessions before a day."""
    found = {symbol: _returns(facts, symbol, before_on) for symbol in symbols}
    days = sorted({day for of_symbol in found.values() for day in of_symbol})[-sessions:]
    table = np.array([[found[symbol].get(day, np.nan) for day in days] for symbol in symbols])
    matrix = np.full((len(symbols), len(symbols)), np.nan)
    complete = np.flatnonzero(np.isfinite(table).all(axis=1)) if len(days) == sessions else np.array([], dtype=int)
    if complete.size > 1:
        moving = complete[table[complete].std(axis=1) > 0]
        if moving.size > 1:
            matrix[np.ix_(moving, moving)] = np.corrcoef(table[moving])
    return Correlations(tuple(symbols), matrix)


def _returns(facts: Facts, symbol: Symbol, before_on: date) -> dict[np.datetime64, float]:
    """Return the log return of each session before a day, by session."""
    daily = facts.daily(symbol)
    if daily is None or len(daily) < 2:
        return {}
    close = daily.close * BasisFactors.of(daily, [a for a in facts.actions if a.symbol == symbol]).of_bars
    days, returns = bar_sessions(daily)[1:], np.diff(np.log(close))
    known = days < np.datetime64(before_on)
    return dict(zip(days[known], returns[known].tolist(), strict=True))
