"""Which company of the SEC a ticker is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from trading.domain.instruments import Symbol

CIKS: Mapping[Symbol, int | None] = MappingProxyType(
    {
        # Funds and the index file no earnings.
        "GLD": None,
        "SLV": None,
        "BOTZ": None,
        "SPY": None,
        "QQQ": None,
        "VIX": None,
        "NEM": 1164727,
        "AEM": 2809,
        "NVDA": 1045810,
        "AMD": 2488,
        "AAPL": 320193,
        "MSFT": 789019,
        "TSLA": 1318605,
    }
)
"""Central Index Keys of the strategy's own names; None where no earnings are to be read. Others are looked up."""
