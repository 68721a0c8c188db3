"""Named random streams: drawing more from one never changes another, nor what was drawn before."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np

from trading.domain.panel import FloatArray


def stream(seed: int, *names: object) -> np.random.Generator:
    """Return the generator that belongs to these names, always at its beginning."""
    digest = hashlib.sha256("/".join(map(str, (seed, *names))).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def smoothed(noise: FloatArray, keep: float, *, scale: float = 1.0) -> FloatArray:
    """Return an autoregressive walk with unit × `scale` deviation; entry t depends on noise up to t only."""
    walk = np.empty_like(noise)
    level, innovation = 0.0, float(np.sqrt(1 - keep * keep))
    for t, shock in enumerate(noise.tolist()):
        level = keep * level + innovation * shock
        walk[t] = level
    return walk * scale


def regimes(rng: np.random.Generator, count: int, chances: tuple[float, ...], usual_length: float) -> FloatArray:
    """Return the number of the regime at each of `count` sessions; a longer history begins the same."""
    states = np.zeros(count)
    at = 0
    while at < count:
        state = int(np.searchsorted(np.cumsum(chances), rng.random()))
        length = 25 + int(rng.exponential(usual_length))
        states[at : at + length] = min(state, len(chances) - 1)
        at += length
    return states


@cache
def half_hour_weights(shape: str) -> FloatArray:
    """Return how the 13 half hours of a session share its variance ("risk") or its volume ("volume")."""
    x = np.linspace(-1, 1, 13)
    raw = 0.6 + x**2 if shape == "risk" else 0.5 + 1.2 * x**2
    weights: FloatArray = raw / raw.sum()
    weights.flags.writeable = False
    return weights
