"""Samples to learn from: the features of each symbol at each session's first hour, and what became of an entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from trading.analysis.adjustment import BasisFactors
from trading.analysis.chances import FEATURES, feature_matrix
from trading.analysis.facts import DateArray, Facts, bar_sessions
from trading.analysis.panel_building import build_panel
from trading.domain.instruments import Symbol
from trading.domain.models import LabelSpec
from trading.domain.panel import FeaturePanel, FloatArray, Why
from trading.engine.hours import Terms, Timeline
from trading.research.labels import Barriers, triple_barrier, uniqueness
from trading.strategy.spec import StrategySpec

HORIZON_SESSIONS = 20
"""About a month: what stop and target have not settled by then is settled by the close."""


@dataclass(frozen=True)
class Samples:
    """One row for each symbol and session, ascending by session.

    Attributes:
        session_on: session whose first hour the features were known at; the entry is at its close.
        known_on: session by whose close the label was known; NaT where it is not yet.
        symbol: place in `symbols`.
        features: shape (rows, features), NaN where unknown; `names` are those of the columns.
        gain_frac: what the entry brought; NaN without a label. weight: its uniqueness [0–1].
    """

    symbols: tuple[Symbol, ...]
    names: tuple[str, ...]
    session_on: DateArray
    known_on: DateArray
    symbol: NDArray[np.int64]
    features: FloatArray
    gain_frac: FloatArray
    weight: FloatArray

    def __len__(self) -> int:
        return len(self.session_on)

    @property
    def label(self) -> FloatArray:
        """1 where the entry gained, 0 where it did not."""
        return (self.gain_frac > 0.0).astype(np.float64)

    def take(self, rows: NDArray[np.bool_]) -> Samples:
        """Return some of the rows."""
        return Samples(
            self.symbols,
            self.names,
            *(getattr(self, name)[rows] for name in ("session_on", "known_on", "symbol", "features")),
            *(getattr(self, name)[rows] for name in ("gain_frac", "weight")),
        )

    def known_by(self, on: date) -> Samples:
        """Return the rows whose label was known by the close of `on`; what is not known yet stays out."""
        with np.errstate(invalid="ignore"):
            return self.take(self.known_on <= np.datetime64(on, "D"))

    def between(self, first_on: date, last_on: date) -> Samples:
        """Return the rows of the sessions in [first_on, last_on]."""
        return self.take(
            (self.session_on >= np.datetime64(first_on, "D")) & (self.session_on <= np.datetime64(last_on, "D"))
        )


def label_of(spec: StrategySpec, horizon_sessions: int = HORIZON_SESSIONS) -> LabelSpec:
    """Return the label that the strategy's own orders make."""
    return LabelSpec(horizon_sessions, spec.protection.trail_frac, spec.protection.take_profit_frac)


def samples_of(spec: StrategySpec, facts: Facts, timeline: Timeline, terms: Terms, label: LabelSpec) -> Samples:
    """Return the samples of every session of `timeline`; a symbol without a price or technicals has none that day."""
    times = timeline.times(terms)
    first = times.at(np.flatnonzero(timeline.grid.number == 0))
    panel = build_panel(
        facts, spec.universe, spec.peers, first, daily_pricing=terms.daily_pricing, sentiment=spec.sentiment
    )
    fit = ((panel.why_technicals == Why.KNOWN) & np.isfinite(panel.price)).ravel()
    rows, columns = np.divmod(np.flatnonzero(fit), len(panel.symbols))
    known_on, gain, weight = (
        np.column_stack(part) for part in zip(*_labels(facts, panel, first.session_on, label), strict=True)
    )
    return Samples(
        symbols=panel.symbols,
        names=tuple(FEATURES),
        session_on=first.session_on[rows],
        known_on=known_on[rows, columns],
        symbol=columns,
        features=feature_matrix(panel)[fit],
        gain_frac=gain[rows, columns],
        weight=weight[rows, columns],
    )


type Labelled = tuple[DateArray, FloatArray, FloatArray]


def _labels(facts: Facts, panel: FeaturePanel, days: DateArray, label: LabelSpec) -> Iterator[Labelled]:
    """Yield, for each symbol, by session: when the label was known, what the entry brought, and its uniqueness."""
    for symbol in panel.symbols:
        known_on = np.full(len(days), np.datetime64("NaT", "D"))
        gain, weight = np.full(len(days), np.nan), np.zeros(len(days))
        if (found := _barriers(facts, symbol, label)) is not None:
            sessions, barriers = found
            place = np.minimum(np.searchsorted(sessions, days), len(sessions) - 1)
            ends = np.minimum(place + label.horizon_sessions, len(sessions) - 1)
            has = (sessions[place] == days) & barriers.known[place]
            known_on[has], gain[has] = sessions[ends][has], barriers.gain_frac[place][has]
            weight[has] = uniqueness(barriers.held)[place][has]
        yield known_on, gain, weight


def _barriers(facts: Facts, symbol: Symbol, label: LabelSpec) -> tuple[DateArray, Barriers] | None:
    daily = facts.daily(symbol)
    if daily is None or len(daily) == 0:
        return None
    factor = BasisFactors.of(daily, [a for a in facts.actions if a.symbol == symbol]).of_bars
    open_, high, low, close = (price * factor for price in (daily.open, daily.high, daily.low, daily.close))
    return bar_sessions(daily), triple_barrier(open_, high, low, close, label)
