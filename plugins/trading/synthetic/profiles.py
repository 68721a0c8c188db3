"""What each invented instrument is like. The names are real, every number about them is made up.

A line of `PROFILES` is optional: an instrument of the universe without one gets a character drawn from its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from trading.domain.instruments import VIX, Instrument, InstrumentKind, Sector, Symbol
from trading.strategy.three_sector import PEERS, UNIVERSE
from trading.synthetic.randomness import stream


@dataclass(frozen=True, slots=True)
class Profile:
    """Character of one symbol.

    Attributes:
        group: names of one group share a factor beside the market's; None for the market itself.
        first_price: USD/share around which the history begins.
        market_beta: response to the market factor.
        group_beta: response to the group factor.
        own_vol_frac: annualised deviation of what neither factor explains.
        day_volume: shares in a usual session.
        pe_usual: P/E around which the price is quoted; negative for a loss maker; None: no earnings.
        dividend_yield_frac: per year, paid quarterly; 0 for none.
        stories_per_day: headlines on a usual day; 0 for names that nobody writes about.
    """

    group: str | None
    first_price: float
    market_beta: float
    group_beta: float
    own_vol_frac: float
    day_volume: float
    pe_usual: float | None = None
    dividend_yield_frac: float = 0.0
    stories_per_day: float = 0.0


PROFILES: dict[Symbol, Profile] = {
    "GLD": Profile("metals", 150, 0.05, 0.75, 0.05, 8e6, stories_per_day=2.5),
    "SLV": Profile("metals", 21, 0.15, 1.25, 0.12, 2e7, stories_per_day=2.2),
    "NEM": Profile("metals", 46, 0.40, 1.30, 0.20, 8e6, 15.0, 0.024, 2.2),
    "AEM": Profile("metals", 58, 0.40, 1.30, 0.19, 3e6, 20.0, 0.018, 2.0),
    "FNV": Profile("metals", 120, 0.35, 1.00, 0.15, 7e5, 27.0, 0.009),
    "WPM": Profile("metals", 42, 0.35, 1.10, 0.16, 2e6, 26.0, 0.010),
    "RGLD": Profile("metals", 115, 0.35, 1.00, 0.17, 5e5, 22.0, 0.012),
    "NVDA": Profile("ai", 560, 1.35, 1.10, 0.27, 4e7, 34.0, 0.0004, 4.5),
    "AMD": Profile("ai", 95, 1.35, 1.10, 0.30, 5e7, 30.0, 0.0, 3.5),
    "BOTZ": Profile("ai", 26, 1.05, 0.70, 0.08, 8e5, stories_per_day=1.8),
    "AVGO": Profile("ai", 310, 1.15, 0.90, 0.20, 2e6, 28.0, 0.018),
    "QCOM": Profile("ai", 110, 1.10, 0.80, 0.20, 8e6, 24.0, 0.020),
    "TXN": Profile("ai", 125, 1.00, 0.60, 0.15, 5e6, 23.0, 0.026),
    "AAPL": Profile("tech", 220, 1.10, 0.70, 0.16, 6e7, 26.0, 0.005, 4.5),
    "MSFT": Profile("tech", 190, 1.05, 0.80, 0.14, 2.5e7, 28.0, 0.008, 3.5),
    "TSLA": Profile("tech", 240, 1.60, 0.70, 0.38, 9e7, -60.0, 0.0, 4.5),
    "GOOGL": Profile("tech", 95, 1.05, 0.80, 0.17, 2.5e7, 25.0),
    "AMZN": Profile("tech", 105, 1.15, 0.80, 0.19, 4e7, 38.0),
    "META": Profile("tech", 210, 1.20, 0.80, 0.24, 2e7, 22.0),
    "SPY": Profile(None, 325, 1.00, 0.0, 0.01, 7e7, dividend_yield_frac=0.014),
    "QQQ": Profile("tech", 215, 1.10, 0.35, 0.03, 4e7, dividend_yield_frac=0.006),
}

GROUPS: dict[str, float] = {"metals": 0.15, "ai": 0.13, "tech": 0.09}
"""Annualised deviation of each group's factor."""

SPLITS: dict[Symbol, tuple[int, float]] = {"NVDA": (1150, 4.0), "AAPL": (320, 4.0)}
"""Symbol → (number of the session on which it goes ex, new shares per old share)."""

_GROUP_OF = {Sector.METALS: "metals", Sector.AI: "ai", Sector.TECH: "tech"}


@cache
def profile_of(symbol: Symbol) -> Profile | None:
    """Return the character of `symbol`: as written, or drawn from its name; None for VIX and outside the universe."""
    if symbol in PROFILES:
        return PROFILES[symbol]
    listed = next((i for i in UNIVERSE if i.symbol == symbol), None)
    return None if listed is None or symbol == VIX else _drawn(listed)


def is_served(symbol: Symbol) -> bool:
    """Return whether the invented market has a price of `symbol`."""
    return symbol == VIX or profile_of(symbol) is not None


def _drawn(listed: Instrument) -> Profile:
    """Return a usual character of the instrument's kind and sector: the same in every market, whatever its seed."""
    sector = listed.sector or next((s for s, names in PEERS.items() if listed.symbol in names), None)
    price, market, group, own, volume, pe, dividend, stories = stream(0, "profile", listed.symbol).random(8).tolist()
    is_stock = listed.kind is InstrumentKind.STOCK
    return Profile(
        group=_GROUP_OF.get(sector) if sector else None,
        first_price=round(30 * 8**price, 2),
        market_beta=(0.3 if sector is Sector.METALS else 0.9) + 0.3 * market,
        group_beta=0.6 + 0.4 * group,
        own_vol_frac=(0.14 if is_stock else 0.06) * (1 + 0.6 * own),
        day_volume=float(round(1e6 * 20**volume)),
        pe_usual=15 + 18 * pe if is_stock else None,
        dividend_yield_frac=max(0.0, 0.03 * dividend - 0.01),
        stories_per_day=1.8 + 1.5 * stories if listed.sector else 0.0,
    )
