"""allocate(): how much of NAV each qualifying name should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import floor, fsum, inf, isfinite

import numpy as np
from numpy.typing import NDArray

from trading.domain.instruments import Sector, Symbol, Universe
from trading.domain.panel import FloatArray
from trading.strategy.spec import Sizing


def allocate(
    sizing: Sizing,
    universe: Universe,
    qualifies: NDArray[np.bool_],
    volatility_frac: FloatArray,
    *,
    held: NDArray[np.bool_] | None = None,
) -> FloatArray:
    """Return target weights [0–1] of one time; what does not qualify is 0 and stays cash.

    weight = cap × min(1, sector's median volatility ÷ own), floored at the asset floor; then each sector is scaled
    to its cap and the whole to 1 − cash buffer. Where that leaves a name under the floor, one name of its sector is
    dropped and the rest is worked out anew, until everything fits: a name that is not held before one that is, the
    most volatile first, an unknown volatility before a known one, the later symbol last. An unknown volatility
    counts as the median. Neither the order of the universe nor a name that does not qualify changes a weight.

    Args:
        qualifies: names that are held or may be entered, shape (symbols,), as `universe.traded`.
        volatility_frac: annualised volatility, NaN where unknown, shape (symbols,).
        held: names that a newcomer does not push out, shape (symbols,); None for a book that holds nothing.
    """
    columns: list[int] = np.flatnonzero(qualifies).tolist()
    is_held: list[bool] = [False] * len(qualifies) if held is None else held.tolist()
    volatility: list[float] = np.where(volatility_frac > 0, volatility_frac, np.nan).tolist()

    def rank(column: int) -> tuple[bool, bool, float, Symbol]:
        known = isfinite(own := volatility[column])
        return not is_held[column], not known, own if known else 0.0, universe.traded[column]

    ranks = {column: rank(column) for column in columns}
    sleeves = _sleeves(sizing, sorted(columns, key=ranks.__getitem__), universe.sectors)
    unscaled = {s: _sector_weights(sizing, [volatility[c] for c in members]) for s, members in sleeves.items()}
    weights: dict[Sector, list[float]] = {}
    while sleeves:
        weights = _scaled(sizing, unscaled)
        tight = _under(sizing, unscaled)
        short = [sleeves[sector] for sector in tight or _under(sizing, weights)]
        if not short:
            break
        if not tight:
            # It is the whole book that has too many: a newcomer of any sector makes way before anything held does.
            new = [members for members in short if not is_held[members[-1]]]
            short = new or [members for members in sleeves.values() if not is_held[members[-1]]] or short
        last = max((members[-1] for members in short), key=ranks.__getitem__)
        sector = universe.sectors[last]
        sleeves[sector].remove(last)
        if sleeves[sector]:
            unscaled[sector] = _sector_weights(sizing, [volatility[c] for c in sleeves[sector]])
        else:
            del sleeves[sector], unscaled[sector]
    targets = np.zeros(len(qualifies))
    for sector, members in sleeves.items():
        targets[members] = weights[sector]
    return targets


def _sleeves(sizing: Sizing, ranked: Sequence[int], sectors: tuple[Sector, ...]) -> dict[Sector, list[int]]:
    """Return the ranked columns by sector, as many of each as the sector's cap has floors for."""
    most = len(ranked)
    if sizing.asset_floor_frac > 0:
        most = floor(sizing.sector_cap_frac / sizing.asset_floor_frac + 1e-9)
    sleeves: dict[Sector, list[int]] = {}
    for column in ranked:
        members = sleeves.setdefault(sectors[column], [])
        if len(members) < most:
            members.append(column)
    return {sector: members for sector, members in sleeves.items() if members}


def _under(sizing: Sizing, weights: Mapping[Sector, Sequence[float]]) -> list[Sector]:
    """Return the sectors of which a name is under the floor; the last bit of a float is not "under"."""
    return [sector for sector, found in weights.items() if min(found) < sizing.asset_floor_frac - 1e-12]


def _scaled(sizing: Sizing, weights: Mapping[Sector, Sequence[float]]) -> dict[Sector, list[float]]:
    """Return the weights brought down together to what the cash buffer leaves."""
    total, limit = fsum(w for found in weights.values() for w in found), 1.0 - sizing.cash_buffer_frac
    scale = min(1.0, limit / total)
    return {sector: [weight * scale for weight in found] for sector, found in weights.items()}


def in_order(
    sizing: Sizing, prices: Iterable[float], *, nav_usd: float, free_usd: float, dearest: float = inf
) -> list[int]:
    """Return which candidates get the asset cap: in their order, while whole shares of it can be paid.

    Args:
        prices: last price of each candidate [USD/share], NaN where unknown.
        free_usd: cash that nothing else has taken; the cash buffer stays in it.
        dearest: no price is higher [USD/share]; with it no more prices are read than may find a place.
    """
    free, budget = free_usd - sizing.cash_buffer_frac * nav_usd, sizing.asset_cap_frac * nav_usd
    # Whole shares cost their budget less one share at most.
    least = (budget - dearest) * (1.0 - 1e-9)
    chosen: list[int] = []
    for place, price in enumerate(prices):
        if free < least:
            break
        # A price that is unknown, or too high for one share, costs nothing that compares.
        if price and 0 < (cost := price * (budget // price)) <= free:
            chosen.append(place)
            free -= cost
    return chosen


def _sector_weights(sizing: Sizing, volatility_frac: Sequence[float]) -> list[float]:
    median = _median(sorted(v for v in volatility_frac if isfinite(v)))
    own = [v if isfinite(v) else median for v in volatility_frac]
    weights = [max(sizing.asset_cap_frac * min(1.0, median / v), sizing.asset_floor_frac) for v in own]
    if (total := fsum(weights)) > sizing.sector_cap_frac:
        weights = [weight * (sizing.sector_cap_frac / total) for weight in weights]
    return weights


def _median(ascending: Sequence[float]) -> float:
    if not ascending:
        return 1.0
    middle = len(ascending) // 2
    return ascending[middle] if len(ascending) % 2 else (ascending[middle - 1] + ascending[middle]) / 2
