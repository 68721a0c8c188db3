"""How much of a Sharpe ratio is luck: probabilistic and deflated Sharpe ratio.

Source: Bailey and López de Prado, "The Deflated Sharpe Ratio" (2014). Sharpe ratios here are of one session, not
annualised; moments are those of the population; kurtosis 3 is normal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, variance

import numpy as np
from numpy.typing import ArrayLike

from trading.domain.replays import Trial

EULER_MASCHERONI = 0.5772156649015329
_NORMAL = NormalDist()


def trial_of(returns: ArrayLike, *, spec_hash: str, configuration_hash: str) -> Trial:
    """Return what a run adds to the trials."""
    r = np.asarray(returns, dtype=np.float64)
    if r.size < 2 or float(r.std()) == 0.0:
        return Trial(spec_hash, configuration_hash, None, None, None, int(r.size))
    z = (r - r.mean()) / r.std()
    sharpe = float(r.mean() / r.std(ddof=1))
    return Trial(spec_hash, configuration_hash, sharpe, float((z**3).mean()), float((z**4).mean()), int(r.size))


def probabilistic_sharpe(trial: Trial, *, benchmark: float = 0.0) -> float | None:
    """Return the probability [0–1] that the true Sharpe ratio is over `benchmark` (of one session); None if undefined.

    Φ((SR − SR*) √(n − 1) ÷ √(1 − γ₃ SR + (γ₄ − 1)/4 SR²)).
    """
    if trial.sharpe is None or trial.skew is None or trial.kurtosis is None:
        return None
    spread = 1.0 - trial.skew * trial.sharpe + (trial.kurtosis - 1.0) / 4.0 * trial.sharpe**2
    if spread <= 0.0:
        return None
    return _NORMAL.cdf((trial.sharpe - benchmark) * math.sqrt(trial.return_count - 1) / math.sqrt(spread))


def expected_best_sharpe(variance_of_sharpe: float, trial_count: int) -> float:
    """Return the Sharpe ratio that the best of so many worthless trials is expected to show."""
    at_1 = _NORMAL.inv_cdf(1.0 - 1.0 / trial_count)
    at_e = _NORMAL.inv_cdf(1.0 - 1.0 / (trial_count * math.e))
    return math.sqrt(variance_of_sharpe) * ((1.0 - EULER_MASCHERONI) * at_1 + EULER_MASCHERONI * at_e)


def deflated_sharpe(trial: Trial, trials: Sequence[Trial]) -> float | None:
    """Return the probability [0–1] that `trial` is better than the best of as many worthless ones.

    Trials without a Sharpe ratio (nothing traded) do not count; None for fewer than two, of which no spread is known.
    """
    sharpes = [t.sharpe for t in trials if t.sharpe is not None]
    if len(sharpes) < 2:
        return None
    return probabilistic_sharpe(trial, benchmark=expected_best_sharpe(variance(sharpes), len(sharpes)))
