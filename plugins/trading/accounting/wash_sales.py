"""When buying back would turn a realised loss into a wash sale (26 U.S.C. § 1091)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from trading.domain.fills import Disposal
from trading.domain.instruments import Symbol
from trading.domain.money import ZERO

WINDOW_DAYS = 30
WASH_MEMORY = timedelta(days=WINDOW_DAYS + 1)
"""How long a disposal can still matter."""


def washing(disposals: Iterable[Disposal], *, window_days: int = WINDOW_DAYS) -> dict[Symbol, date]:
    """Return for each symbol with a realised loss the last day on which a purchase would wash it.

    The window is the trade date plus 30 calendar days, inclusive (IRS Publication 550, wash sales).
    """
    last: dict[Symbol, date] = {}
    for disposal in disposals:
        if disposal.gain_usd < ZERO and disposal.disposed_on > last.get(disposal.symbol, date.min):
            last[disposal.symbol] = disposal.disposed_on
    return {symbol: on + timedelta(days=window_days) for symbol, on in last.items()}
