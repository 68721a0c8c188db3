"""allocate(): how much of NAV each qualifying name should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import floor, fsum, inf
from typing import NamedTuple

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
    sleeves = _sleeves(sizing, universe, qualifies, volatility_frac, held)
    unscaled = {sector: _sector_weights(sizing, members) for sector, members in sleeves.items()}
    scale, limit = 1.0, 1.0 - sizing.cash_buffer_frac
    while sleeves:
        # The weights are brought down together to what the cash buffer leaves.
        scale = min(1.0, limit / fsum(weight for found in unscaled.values() for weight in found))
        tight = _under(sizing, unscaled)
        short = [sleeves[sector] for sector in tight or _under(sizing, unscaled, scale)]
        if not short:
            break
        if not tight:
            # It is the whole book that has too many: a newcomer of any sector makes way before anything held does.
            new = [members for members in short if members[-1].is_new]
            short = new or [members for members in sleeves.values() if members[-1].is_new] or short
        last = max(members[-1] for members in short)
        sector = universe.sectors[last.column]
        sleeves[sector].pop()
        if sleeves[sector]:
            unscaled[sector] = _sector_weights(sizing, sleeves[sector])
        else:
            del sleeves[sector], unscaled[sector]
    targets = np.zeros(len(qualifies))
    for sector, members in sleeves.items():
        targets[[name.column for name in members]] = [weight * scale for weight in unscaled[sector]]
    return targets


class _Ranked(NamedTuple):
    """A name that qualifies; names ascend as they are kept, the last one goes first.

    Attributes:
        volatility_frac: 0 where unknown.
    """

    is_new: bool
    is_unknown: bool
    volatility_frac: float
    symbol: Symbol
    column: int


def _sleeves(
    sizing: Sizing,
    universe: Universe,
    qualifies: NDArray[np.bool_],
    volatility_frac: FloatArray,
    held: NDArray[np.bool_] | None,
) -> dict[Sector, list[_Ranked]]:
    """Return the ranked names by sector, as many of each as the sector's cap has floors for."""
    columns = np.flatnonzero(qualifies)
    own = volatility_frac[columns]
    is_known = (own > 0) & (own < inf)
    is_new = np.ones(len(columns), bool) if held is None else ~held[columns]
    traded = [universe.traded[column] for column in columns.tolist()]
    ranks = (is_new, ~is_known, np.where(is_known, own, 0.0))
    ranked = sorted(zip(*(rank.tolist() for rank in ranks), traded, columns.tolist(), strict=True))
    most = len(ranked)
    if sizing.asset_floor_frac > 0:
        most = floor(sizing.sector_cap_frac / sizing.asset_floor_frac + 1e-9)
    sleeves: dict[Sector, list[_Ranked]] = {}
    for name in ranked:
        members = sleeves.setdefault(universe.sectors[name[-1]], [])
        if len(members) < most:
            members.append(_Ranked(*name))
    return {sector: members for sector, members in sleeves.items() if members}


def _under(sizing: Sizing, weights: Mapping[Sector, Sequence[float]], scale: float = 1.0) -> list[Sector]:
    """Return the sectors of which a scaled name is under the floor; the last bit of a float is not "under"."""
    return [sector for sector, found in weights.items() if min(found) * scale < sizing.asset_floor_frac - 1e-12]


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


def _sector_weights(sizing: Sizing, members: Sequence[_Ranked]) -> list[float]:
    known = [name.volatility_frac for name in members if not name.is_unknown]
    median, cap, least = _median(sorted(known)), sizing.asset_cap_frac, sizing.asset_floor_frac
    own = known if len(known) == len(members) else [median if n.is_unknown else n.volatility_frac for n in members]
    weights = [max(cap * min(1.0, median / v), least) for v in own]
    if (total := fsum(weights)) > sizing.sector_cap_frac:
        weights = [weight * (sizing.sector_cap_frac / total) for weight in weights]
    return weights


def _median(ascending: Sequence[float]) -> float:
    if not ascending:
        return 1.0
    middle = len(ascending) // 2
    return ascending[middle] if len(ascending) % 2 else (ascending[middle - 1] + ascending[middle]) / 2
