"""kept_frac(): how much of a finished buy order the rules leave that may only shrink it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trading.domain.panel import FloatArray
from trading.domain.signals import Verdicts
from trading.strategy.spec import Sizing


def kept_frac(sizing: Sizing, doubts: Sequence[Verdicts], shape: tuple[int, int]) -> FloatArray:
    """Return what is left of a buy order [0–1], shape (times, symbols): the least that any of `doubts` leaves.

    A rule that abstains leaves all of it, one that fails nothing. One that passes leaves `doubted_frac` at its
    threshold, and linearly more up to everything at `whole_at`.
    """
    kept: FloatArray = np.broadcast_to(np.float64(1.0), shape)
    for verdicts in doubts:
        if not verdicts.abstains.all():
            kept = np.asfortranarray(np.minimum(kept, _left_by(sizing, verdicts)))
    return kept


def _left_by(sizing: Sizing, verdicts: Verdicts) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        sureness = (verdicts.observed - verdicts.threshold) / (sizing.whole_at - verdicts.threshold)
    # A threshold at or over `whole_at` knows no doubt: what passes is whole.
    sure = np.where(verdicts.threshold < sizing.whole_at, np.clip(sureness, 0.0, 1.0), 1.0)
    left = sizing.doubted_frac + (1.0 - sizing.doubted_frac) * sure
    return np.where(verdicts.abstains, 1.0, np.where(verdicts.passes, left, 0.0))
