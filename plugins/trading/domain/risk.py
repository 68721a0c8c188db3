"""What a book risks at one decision, as it is stored and shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from trading.domain.decisions import DecisionKind
from trading.domain.instruments import Sector, Symbol
from trading.domain.portfolio import Balance, Breaker, TradingState

CALM_BELOW, STRESSED_ABOVE = 20.0, 30.0
"""VIX [points]: 20 is about its mean since 1990, over 30 nothing is bought."""


class VixRegime(StrEnum):
    """How nervous the market is."""

    CALM = "calm"
    ELEVATED = "elevated"
    STRESSED = "stressed"


def regime_of(vix: float | None) -> VixRegime | None:
    """Return the regime of a VIX [points]: calm under 20, stressed over 30; None while it is unknown."""
    if vix is None:
        return None
    if vix < CALM_BELOW:
        return VixRegime.CALM
    return VixRegime.STRESSED if vix > STRESSED_ABOVE else VixRegime.ELEVATED


@dataclass(frozen=True, slots=True)
class SectorRisk:
    """One sleeve of a book.

    Attributes:
        weight_frac: share of NAV [0–1]; None while NAV is unknown.
        aim_frac: what the desk last brought its names to; None if that of one of them is not known.
    """

    sector: Sector
    symbols: tuple[Symbol, ...]
    weight_frac: float | None
    aim_frac: float | None


@dataclass(frozen=True, slots=True)
class BookRisk:
    """The risk of a book after a decision.

    Attributes:
        nav_usd: None when a held symbol has no price; then nothing is known of the falls either.
        drawdown_frac: fall from the mark that the breaker counts from [0–1]; lifetime_frac: from the highest NAV ever.
        vix: points; None when unknown or stale.
        rebalance_due: why the hour asks for a rebalance; None if it does not.
    """

    as_of: datetime
    session_on: date
    kind: DecisionKind
    nav_usd: float | None
    drawdown_frac: float | None
    lifetime_frac: float | None
    breaker: Breaker
    state: TradingState
    vix: float | None
    sectors: tuple[SectorRisk, ...]
    rebalance_due: str | None
    balance: Balance

    @property
    def phase(self) -> str:
        """The breaker's state in a word: armed, tripped or halted."""
        if self.breaker.tripped_on is None:
            return "armed"
        return "halted" if self.state in (TradingState.HALTED, TradingState.LOCKED) else "tripped"
