"""From facts to intentions: verdicts, reasons, targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from trading.domain.instruments import Symbol
from trading.domain.panel import CodeArray, FloatArray, TimeArray, Why
from trading.domain.records import quick


class Outcome(StrEnum):
    """Three-valued verdict. An optional rule may abstain; a required one must pass."""

    FAIL = "FAIL"
    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    ABSTAIN = "ABSTAIN"


FAIL, PASS, ABSTAIN = 0, 1, 2
"""Codes of `Outcome` inside arrays; `OUTCOMES[code]` gives the word back."""
OUTCOMES = (Outcome.FAIL, Outcome.PASS, Outcome.ABSTAIN)


@dataclass(frozen=True)
class Verdicts:
    """What one rule says about every (time, symbol); all arrays of one shape.

    Attributes:
        passes, abstains: masks that never overlap; where neither holds the rule fails.
        observed: the value seen; NaN where unknown.
        threshold: the value it was held against.
        input_at: instant of the youngest input that was read; NaT where there was none.
        why: `Why` code; KNOWN unless the outcome is ABSTAIN (or FAIL for a reason of its own).
    """

    passes: NDArray[np.bool_]
    abstains: NDArray[np.bool_]
    observed: FloatArray
    threshold: FloatArray
    input_at: TimeArray
    why: CodeArray

    def at(self, row: int) -> Verdicts:
        """Return what the rule says at one time, as its only row; nothing is copied."""
        one = slice(row, row + 1)
        return Verdicts(
            self.passes[one],
            self.abstains[one],
            self.observed[one],
            self.threshold[one],
            self.input_at[one],
            self.why[one],
        )

    def whole(self) -> Verdicts:
        """Return everything that the rule says."""
        return self

    def passes_at(self, row: int) -> NDArray[np.bool_]:
        """Return where the rule passes at one time, shape (symbols,)."""
        return np.asarray(self.passes[row])

    def outcome(self, row: int) -> CodeArray:
        """Return the FAIL, PASS or ABSTAIN codes of one time, shape (symbols,)."""
        return codes_of(self.passes[row], self.abstains[row])


def codes_of(passes: NDArray[np.bool_], abstains: NDArray[np.bool_]) -> CodeArray:
    """Return FAIL, PASS and ABSTAIN codes of masks, same shape."""
    # True is the code of PASS, False that of FAIL.
    return np.where(abstains, np.int8(ABSTAIN), passes.view(np.int8))


class RuleRole(StrEnum):
    """What a rule's PASS means."""

    ENTRY_REQUIRED = "entry_required"
    ENTRY_OPTIONAL = "entry_optional"
    SHRINK = "shrink"
    EXIT = "exit"
    BLOCK = "block"


@quick
@dataclass(frozen=True, slots=True)
class Reason:
    """One stored verdict: why a symbol was, or was not, acted upon.

    Attributes:
        observed, threshold: None where unknown.
        why: None unless the rule abstained or failed for lack of data.
    """

    symbol: Symbol
    as_of: datetime
    rule: str
    role: RuleRole
    outcome: Outcome
    observed: float | None
    threshold: float | None
    input_at: datetime | None
    why: str | None


@quick
@dataclass(frozen=True, slots=True)
class Targets:
    """Where the book should be.

    Attributes:
        weight_frac: share of NAV by symbol [0–1]; a symbol that is absent has no target.
    """

    as_of: datetime
    nav_usd: float
    weight_frac: Mapping[Symbol, float]


def significant(value: float) -> float:
    """Return `value` on 9 significant digits: the canonical form for comparing, storing, hashing."""
    return float(canonical(np.array([value]))[0])


def canonical(array: FloatArray) -> FloatArray:
    """Return `array` on 9 significant digits, NaN kept.

    Averages of prices often lie exactly between two roundings, where noise of 1e-15 would decide. A first rounding to
    12 digits takes the noise away, so that the second one meets the same number whatever history it was computed from.
    """
    known = np.isfinite(array) & (array != 0)
    if not known.all():
        rounded = np.array(array, dtype=np.float64)
        if known.any():
            rounded[known] = _rounded(rounded[known])
        return rounded
    return _rounded(array)


def _rounded(array: FloatArray) -> FloatArray:
    """Return finite numbers other than 0 on 9 significant digits."""
    exponent = np.floor(np.log10(np.abs(array))).astype(np.intp)
    scale = _POWERS[_MIDDLE + 8 - exponent]
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.rint(np.rint(array * scale * 1000.0) / 1000.0) / scale)


_MIDDLE = 330
_POWERS = 10.0 ** np.arange(-_MIDDLE, 309.0)
"""Powers of ten by their exponent, `_MIDDLE` added: a table is cheaper than a power for each value."""


def why_text(code: int) -> str | None:
    """Return the sentence for a `Why` code, or None for KNOWN."""
    return None if code == Why.KNOWN else Why(code).sentence
