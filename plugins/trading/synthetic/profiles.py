"""What each invented instrument is like. The names are real, every number about them is made up."""

from __future__ import annotations

from dataclasses import dataclass

from trading.domain.instruments import VIX, Symbol


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

SYMBOLS: tuple[Symbol, ...] = (*PROFILES, VIX)
