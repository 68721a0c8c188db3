"""Triple barrier: what the strategy's own stop and target would have made of an entry at each close."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trading.domain.models import LabelSpec
from trading.domain.panel import FloatArray


@dataclass(frozen=True)
class Barriers:
    """What became of an entry at the close of each bar; arrays of one length.

    Attributes:
        gain_frac: return until the barrier that was met first; NaN where the horizon is not over yet.
        held: bars until then, at least 1; 0 where unknown.
    """

    gain_frac: FloatArray
    held: NDArray[np.int64]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which entries have a label."""
        return np.isfinite(self.gain_frac)


def triple_barrier(
    open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray, label: LabelSpec
) -> Barriers:
    """Return what became of an entry at each close: target, trailing stop, or the close at the horizon.

    In each bar the stop is looked at before the target, and hangs under the highs of earlier bars only, as in a
    simulated fill. A bar that opens beyond a barrier is sold at its open. Prices are adjusted, on one basis. An entry
    whose horizon reaches past the last bar has no label, even if it met a barrier: who keeps only those that did would
    keep the violent ones.
    """
    count, horizon = len(close), label.horizon_sessions
    gain, held = np.full(count, np.nan), np.zeros(count, dtype=np.int64)
    judged = max(count - horizon, 0)
    entry = close[:judged]
    peak, target = entry.copy(), entry * (1.0 + label.take_profit_frac)
    is_open = np.ones(judged, dtype=bool)
    for ahead in range(1, horizon + 1):
        bar = slice(ahead, ahead + judged)
        stop = peak * (1.0 - label.trail_frac)
        stopped = is_open & (low[bar] <= stop)
        reached = is_open & ~stopped & (high[bar] >= target)
        sold = np.where(stopped, np.minimum(open_[bar], stop), np.maximum(open_[bar], target))
        if ahead == horizon:
            sold = np.where(stopped | reached, sold, close[bar])
            done = is_open
        else:
            done = stopped | reached
        gain[:judged][done] = (sold / entry - 1.0)[done]
        held[:judged][done] = ahead
        is_open &= ~done
        peak = np.maximum(peak, high[bar])
    return Barriers(gain, held)


def uniqueness(held: NDArray[np.int64]) -> FloatArray:
    """Return how much each label has for itself [0–1]: the mean of 1 ÷ labels under way over the bars that it spans.

    Args:
        held: bars that the label of each entry spans, from the bar after it on; 0 for no label.
    """
    count = len(held)
    start, end = np.arange(count) + 1, np.arange(count) + 1 + held
    change = np.zeros(count + int(held.max(initial=0)) + 2)
    spans = held > 0
    np.add.at(change, start[spans], 1.0)
    np.add.at(change, end[spans], -1.0)
    under_way = np.cumsum(change)
    share = np.concatenate([[0.0], np.cumsum(np.where(under_way > 0, 1.0 / np.maximum(under_way, 1.0), 0.0))])
    return np.where(spans, (share[end] - share[start]) / np.maximum(held, 1), 0.0)
