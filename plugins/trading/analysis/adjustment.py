"""Splits and dividends: from raw prices to one share basis, and back.

A factor F(d) belongs to each calendar date; the price of day d on the basis of day t is raw(d) × F(d) ÷ F(t).
Actions after t cancel out of that quotient, so the future changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from trading.domain.market import ActionKind, CorporateAction
from trading.domain.panel import FloatArray
from trading.domain.series import BarSeries


@dataclass(frozen=True)
class BasisFactors:
    """Cumulative factors of one symbol.

    Attributes:
        ex_on: ex-dates, ascending. step: factor by which earlier prices shrink at each of them.
        of_bars: F of each bar that the factors were made for; empty without bars.
    """

    ex_on: NDArray[np.datetime64]
    step: FloatArray
    of_bars: FloatArray

    @classmethod
    def of(cls, daily: BarSeries, actions: Sequence[CorporateAction]) -> BasisFactors:
        """Return the split and dividend factors of a symbol's daily raw bars.

        A dividend D shrinks earlier prices by 1 − D ÷ (last raw close before the ex-date); one without an earlier
        close, or not smaller than it, is left out.
        """
        sessions = daily.starts_at.astype("datetime64[D]")
        steps = [(a.ex_on, s) for a in actions if (s := _step(a, sessions, daily.close)) is not None]
        factors = _cumulative(steps)
        return cls(factors.ex_on, factors.step, factors.at(sessions))

    @classmethod
    def of_splits(cls, actions: Sequence[CorporateAction]) -> BasisFactors:
        """Return the split factors alone: what happened to the number of shares."""
        return _cumulative([(a.ex_on, 1.0 / a.value) for a in actions if a.kind is ActionKind.SPLIT])

    def at(self, dates: NDArray[np.datetime64]) -> FloatArray:
        """Return F of each date: the product of the steps with a later ex-date."""
        if len(self.step) == 0:
            return np.ones(len(dates))
        later = np.concatenate([np.cumprod(self.step[::-1])[::-1], [1.0]])
        return np.asarray(later[np.searchsorted(self.ex_on, dates, side="right")])


def unadjusted(
    prices: FloatArray, dates: NDArray[np.datetime64], actions: Sequence[CorporateAction], *, basis_on: date
) -> FloatArray:
    """Return as-traded prices from split-adjusted ones that stand on the share basis of `basis_on`."""
    splits = BasisFactors.of_splits(actions)
    basis = splits.at(np.array([basis_on], dtype="datetime64[D]"))[0]
    return np.asarray(prices * basis / splits.at(dates))


def _step(action: CorporateAction, sessions: NDArray[np.datetime64], close: FloatArray) -> float | None:
    if action.kind is ActionKind.SPLIT:
        return 1.0 / action.value
    before = int(np.searchsorted(sessions, np.datetime64(action.ex_on, "D"), side="left")) - 1
    if before < 0 or action.value >= close[before]:
        return None
    return float(1.0 - action.value / close[before])


def _cumulative(steps: list[tuple[date, float]]) -> BasisFactors:
    ordered = sorted(steps)
    return BasisFactors(
        np.array([on for on, _ in ordered], dtype="datetime64[D]"),
        np.array([step for _, step in ordered], dtype=np.float64),
        np.empty(0),
    )
