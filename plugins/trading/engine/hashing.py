"""The decision hash: two runs that saw and decided the same have the same hash."""

from __future__ import annotations

import hashlib

import numpy as np

from trading.domain.panel import columns
from trading.domain.signals import Targets, significant
from trading.engine.state import Hour

# How much history was loaded, not what it says: live reads 900 days, a replay ten years.
NOT_HASHED = frozenset({"daily_bar_count"})
# They came later: hashed where a surprise, or a chance, is known, so that every decision without one keeps its hash.
_OF_EARNINGS = frozenset({"earnings_surprise_frac", "earnings_reported_at", "why_earnings"})
_OF_MODEL = frozenset({"model_at"})


def decision_hash(spec_hash: str, hour: Hour, targets: Targets) -> str:
    """Return 32 hex digits over spec, `as_of`, cutoff, input values, verdicts and targets.

    Book, run and fetch times are left out, so paper and replay of one hour agree. Values are in canonical form
    (9 significant digits) already; targets are brought to it here.
    """
    digest = hashlib.sha256()
    head = f"{spec_hash}|{hour.slot.as_of.isoformat()}|{hour.cutoff_at.isoformat()}|{','.join(hour.panel.symbols)}"
    digest.update(head.encode())
    has_model = bool(np.isfinite(hour.panel.model_probability[hour.row]).any())
    has_surprise = bool(np.isfinite(hour.panel.earnings_surprise_frac[hour.row]).any())
    for name in columns():
        if name in NOT_HASHED or (name in _OF_EARNINGS and not has_surprise) or (name in _OF_MODEL and not has_model):
            continue
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(getattr(hour.panel, name)[hour.row]).tobytes())
    for role, rule, verdicts in hour.judgement.verdicts:
        digest.update(f"{role}.{rule}".encode())
        digest.update(np.ascontiguousarray(verdicts.outcome(hour.row)).tobytes())
    for symbol, weight in sorted(targets.weight_frac.items()):
        digest.update(f"{symbol}={significant(weight)!r}".encode())
    return digest.hexdigest()[:32]
